package rehost

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Other is a node beside the restored one, as it is now.
type Other struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	// Address is the one that its kube-apiserver and etcd advertise; zero is the internal one of its Node object.
	Address netip.Addr `json:"address,omitzero"`
	// ControlPlane says that it is of the control plane, where no Node object does.
	ControlPlane bool `json:"controlPlane,omitempty"`
}

// State says what there is of a node.
type State string

// The states.
const (
	// Intact is a node with all files that kubeadm and the kubelet have on it, certificates that are valid and of the same CA
	// among them. It needs no kubeadm join. A member of etcd has its data put aside: it gets the restored cluster's.
	Intact State = "intact"
	// Empty is a machine that has nothing of the cluster any more: kubeadm join makes it a node. A node whose files are damaged
	// is one once /etc/kubernetes, /var/lib/kubelet and etcd's data are put aside; never by kubeadm reset, which deletes the
	// data, and that of an etcd elsewhere, too (kubernetes/kubeadm#3225).
	Empty State = "empty"
	// Gone is a machine that does not come back.
	Gone State = "gone"
)

// Join says what the other nodes need once one control-plane node, to, runs with the restored data: which objects and members
// are there, missing, expired at now, or stale; and the commands, a node after the other, as etcd takes one learner at a
// time. From is the host that the restored node was, and may be the same.
//
// Objects are those of the snapshot, or of the restored cluster. A node of theirs that others does not name is taken as
// [Intact], and is in the steps. Members are those of the restored etcd as it lists them; none are looked at if it is nil.
//
// The first steps fence the other control planes: do them before the restored node starts, since each of their members has
// data of another past. A machine that is off is one that begins with the old data when it comes back: fence it before it is
// on the network.
//
// What the commands print, and others need, is not known here: they have [Token], [CertificateKey] and [MemberID] in these
// places. Files and directories are kubeadm's.
//
// It fails with [ErrNoConfiguration], and for a name or an address that is none.
func Join(objects *Objects, from, to Host, others []Other, members []Member, now time.Time) (*Plan, error) {
	p, err := joinPlan(objects, from.plain(), to.plain(), others, members, now)
	if err != nil {
		return nil, fmt.Errorf("plan joins: %w", err)
	}
	return p, nil
}

// joiner makes a plan.
type joiner struct {
	swap
	*Plan
	*cluster
	objects *Objects
	now     time.Time
	server  string   // host:port at which all find the API
	moved   bool     // the nodes have the old one
	hashes  []string // of the cluster's CAs
	members []Member // of etcd at this point of the plan
	stage   string   // of the steps at this point
}

func joinPlan(objects *Objects, from, to Host, others []Other, members []Member, now time.Time) (*Plan, error) {
	if err := errors.Join(from.check(), to.check()); err != nil {
		return nil, err
	}
	c, err := readCluster(objects)
	if err != nil {
		return nil, err
	}
	j := &joiner{swap: swap{from, to}, Plan: &Plan{Steps: []Step{}}, cluster: c, objects: objects, now: now, stage: fenceStage}
	if err := j.findServer(); err != nil {
		return nil, err
	}
	nodes, err := j.nodes(others)
	if err != nil {
		return nil, err
	}
	if err := j.needs(nodes, members); err != nil {
		return nil, err
	}
	for _, n := range nodes {
		if n.State == Intact && n.ControlPlane {
			j.fence(n)
		}
	}
	j.stage = joinStage
	j.prepare(nodes, members)
	for _, n := range nodes {
		j.add(n)
	}
	return j.Plan, nil
}

// findServer is the stable endpoint of the control plane, where it has one.
func (j *joiner) findServer() error {
	j.server, j.moved = j.to.server(), j.from.server() != j.to.server()
	if j.endpoint == "" {
		return nil
	}
	u, ok := splitURL(j.endpoint)
	if !ok || u.scheme != "" || u.rest != "" {
		return fmt.Errorf("%s: controlPlaneEndpoint %.100q is no host and port: correct it", stored, j.endpoint)
	}
	_, err := netip.ParseAddr(u.host)
	if err != nil && checkName(u.host) != nil {
		return fmt.Errorf("%s: controlPlaneEndpoint %.100q is no host and port: correct it", stored, j.endpoint)
	}
	port := u.port
	if port == "" {
		port = ":" + j.from.port()
	}
	host := j.host(u.host)
	j.moved = host != u.host
	j.server = net.JoinHostPort(host, port[1:])
	return nil
}

// node is an Other with what its object says.
type node struct {
	Other
	object *corev1.Node // nil if there is none
}

// nodes are those of others and of the objects: first the control plane, then the workers, by name.
func (j *joiner) nodes(others []Other) ([]node, error) {
	var all []node
	seen := map[string]bool{j.to.Name: true, j.from.Name: true}
	for _, o := range others {
		if err := checkName(o.Name); err != nil {
			return nil, err
		}
		switch {
		case o.Name == j.to.Name:
			return nil, fmt.Errorf("node %s is the restored one, and given as another: leave it out", o.Name)
		case o.Name == j.from.Name:
			return nil, fmt.Errorf("node %s is the one that was restored as %s: leave it out", o.Name, j.to.Name)
		case seen[o.Name]:
			return nil, fmt.Errorf("node %s is given twice: give it once", o.Name)
		case o.State != Intact && o.State != Empty && o.State != Gone:
			return nil, fmt.Errorf("state %.100q of node %s: want %s, %s or %s", o.State, o.Name, Intact, Empty, Gone)
		}
		seen[o.Name] = true
		all = append(all, node{o, j.objects.node(o.Name)})
	}
	for i := range j.objects.Nodes {
		if o := &j.objects.Nodes[i]; !seen[o.Name] {
			seen[o.Name] = true
			all = append(all, node{Other{Name: o.Name, State: Intact}, o})
		}
	}
	for i := range all {
		if err := all[i].complete(); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, compare)
	return all, nil
}

func compare(a, b node) int {
	switch {
	case a.ControlPlane && !b.ControlPlane:
		return -1
	case b.ControlPlane && !a.ControlPlane:
		return 1
	case a.Name < b.Name:
		return -1
	}
	return 1
}

// complete takes from the object what is not said, and checks what gets into commands.
func (n *node) complete() error {
	if err := checkName(n.Name); err != nil {
		return err
	}
	if n.object != nil {
		_, current := n.object.Labels["node-role.kubernetes.io/control-plane"]
		_, old := n.object.Labels["node-role.kubernetes.io/master"] // until v1.23
		n.ControlPlane = n.ControlPlane || current || old
		for _, a := range n.object.Status.Addresses {
			if addr, err := netip.ParseAddr(a.Address); err == nil && a.Type == corev1.NodeInternalIP && !n.Address.IsValid() {
				n.Address = addr
			}
		}
	}
	n.Address = n.Address.Unmap()
	if n.ControlPlane && n.State != Gone && checkAddress(n.Address) != nil {
		return fmt.Errorf("node %s is of the control plane, and its address is not known: give it", n.Name)
	}
	return nil
}

// add plans one node.
func (j *joiner) add(n node) {
	switch {
	case n.State == Gone:
	case n.State == Empty:
		j.join(n)
	case n.ControlPlane && !j.external:
		j.rejoin(n)
	case n.ControlPlane:
		j.apiServer(n)
	default:
		j.redirect(n)
		j.step(n.Name, n.Name, "restart the kubelet", "It and its pods watch from a revision that the restored cluster may not "+
			"have, and it runs pods that the cluster knows nothing of until it looks again (kubernetes/kubernetes#131115).",
			"systemctl", "restart", "kubelet")
	}
}

func (j *joiner) step(node, where, do, why string, command ...string) *Step {
	j.Steps = append(j.Steps, Step{Node: node, Where: where, Stage: j.stage, Do: do, Why: why, Command: command})
	return &j.Steps[len(j.Steps)-1]
}
