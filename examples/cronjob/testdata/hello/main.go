// Command hello is quickly built for any platform, and not static unless one asks for it.
package main

import "net"

func main() { println("hello", net.IPv4zero.String()) }
