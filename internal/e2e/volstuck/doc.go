// Package volstuck brings snapshots into every state in which they are known to get stuck, with the stock controllers, and
// holds volsnap to telling which it is.
package volstuck
