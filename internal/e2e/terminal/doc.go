// Package terminal has no code of its own: its tests run the command in a real terminal of 80 columns, which tmux is, and
// look at what stands on its screen.
package terminal
