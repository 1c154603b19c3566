package kubecluster

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// The addresses are seen in the cluster's namespaces alone.
const (
	hubAddress      = "10.77.0.1"
	balancerAddress = "10.77.0.10"
	podNetwork      = "10.244.0.0/16"
	serviceNetwork  = "10.96.0.0/16"
	endpoint        = "cp-endpoint"
	apiPort         = "6443"
)

func nodeName(number int) string    { return fmt.Sprintf("cp%d", number) }
func nodeAddress(number int) string { return fmt.Sprintf("10.77.0.%d", 10+number) }

// podSubnet is the part of the pod network that the controllers give the node which joins as that number.
func podSubnet(number int) string { return fmt.Sprintf("10.244.%d.0/24", number-1) }

// hosts are the names in the cluster.
func (c *Cluster) hosts() map[string]string {
	all := map[string]string{endpoint: nodeAddress(1)}
	switch {
	case c.count > 1:
		all[endpoint] = balancerAddress
	case len(c.Nodes) > 0:
		all[endpoint] = c.Nodes[0].Address
	}
	for number := 1; number <= c.count+c.spares; number++ {
		all[nodeName(number)] = nodeAddress(number)
	}
	return all
}

// lines set up the network of a node, for ip -batch. Pods of the others are reached by plain routes.
func (n *Node) lines() []string {
	all := []string{
		"link set lo up",
		"addr add " + n.Address + "/24 dev eth0",
		"link set eth0 up",
		"route add default via " + hubAddress,
	}
	for number := 1; number <= n.cluster.count+n.cluster.spares; number++ {
		if number != n.number {
			all = append(all, fmt.Sprintf("route add %s via %s", podSubnet(number), nodeAddress(number)))
		}
	}
	return all
}

// balance hands connections to the endpoint on to the first node that takes them, from the test process itself.
func (c *Cluster) balance(t testing.TB) error {
	if err := c.hub.IP("addr add " + balancerAddress + "/24 dev br0"); err != nil {
		return err
	}
	listener, err := c.hub.Listen("tcp", net.JoinHostPort(balancerAddress, apiPort))
	if err != nil {
		return err
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go c.pass(conn)
		}
	}()
	return nil
}

// pass carries one connection.
func (c *Cluster) pass(from net.Conn) {
	defer from.Close()
	for number := 1; number <= c.count; number++ {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		to, err := c.hub.DialContext(ctx, "tcp", net.JoinHostPort(nodeAddress(number), apiPort))
		cancel()
		if err != nil {
			continue
		}
		defer to.Close()
		done := make(chan struct{}, 2)
		for _, way := range [][2]net.Conn{{to, from}, {from, to}} {
			go func() {
				io.Copy(way[0], way[1])
				done <- struct{}{}
			}()
		}
		<-done
		return
	}
}
