package bed

import "fmt"

// address is that of the node of a number, from 1. Each network of nodes is apart from all others.
func address(number int) string { return fmt.Sprintf("10.77.0.%d", 10+number) }

// plug gives the nodes' namespaces their addresses. The first holds the switch that the others hang on.
func plug(nodes []*Node) error {
	hub := nodes[0]
	if err := hub.ns.IP(
		"link set lo up",
		"link add br0 type bridge",
		"addr add "+hub.Address+"/24 dev br0",
		"link set br0 up",
	); err != nil {
		return err
	}
	for _, n := range nodes[1:] {
		if err := hub.ns.IP(
			fmt.Sprintf("link add %s type veth peer name eth0 netns %s", n.Name, n.ns.Path()),
			fmt.Sprintf("link set %s master br0 up", n.Name),
		); err != nil {
			return err
		}
		if err := n.ns.IP(
			"link set lo up",
			"addr add "+n.Address+"/24 dev eth0",
			"link set eth0 up",
		); err != nil {
			return err
		}
	}
	return nil
}
