package main

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/kubeadm/rehost"
)

// hostFlags say what the new machine is.
type hostFlags struct {
	identity, name, address string
	others                  []string
	yes                     bool
}

func (h *hostFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&h.identity, "identity", "", "the `FILE` with the secret key, or - for standard input")
	f.StringVar(&h.name, "name", "", "the `NAME` of the new Node and etcd member")
	f.StringVar(&h.address, "address", "", "the `IP` at which others reach the machine")
	f.StringArrayVar(&h.others, "other-address", nil,
		"a further `IP`, in the order in which etcd's flags have the old machine's (repeatable)")
	f.BoolVar(&h.yes, "yes", false, "do it; without it only the plan is printed")
}

// target reads the flags.
func (h *hostFlags) target() (to rehost.Host, err error) {
	if h.identity == "" || h.name == "" || h.address == "" {
		return to, errors.New("give --identity FILE, --name NAME and --address IP")
	}
	to.Name = h.name
	if to.Address, err = netip.ParseAddr(h.address); err != nil {
		return to, fmt.Errorf("--address %.100q is no IP: give one such as 10.0.0.12", h.address)
	}
	for _, text := range h.others {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return to, fmt.Errorf("--other-address %.100q is no IP: give one such as 10.0.0.12", text)
		}
		to.Others = append(to.Others, a)
	}
	return to, nil
}
