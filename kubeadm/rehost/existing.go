package rehost

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Member is an etcd member as its cluster knows it.
type Member struct {
	ID      uint64 `json:"id"`
	Name    string `json:"name"`
	PeerURL string `json:"peerURL"`
}

// Names of members are free in etcd; kubeadm's are those of nodes.
var memberForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$`)

var peerForm = regexp.MustCompile(`^https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$`)

func (m Member) check() error {
	if !memberForm.MatchString(m.Name) {
		return fmt.Errorf("member name %.100q is none of an etcd that kubeadm has made: correct it", m.Name)
	}
	if !peerForm.MatchString(m.PeerURL) {
		return fmt.Errorf("peer URL of member %s is not of the form https://host:port: correct it", m.Name)
	}
	return nil
}

// Existing rewrites the manifest of an etcd that is to join a cluster: --initial-cluster becomes the members,
// --initial-cluster-state existing. The members are all that the cluster has once the joining one has been added, itself
// among them: etcd compares the two lists, and a member that does not start with the whole list never becomes one. Variables
// for these flags go.
//
// It fails for a manifest whose etcd does not have its flags in its command or arguments, as one in a shell's script.
func Existing(manifest File, members []Member) (File, error) {
	f, err := existing(manifest, members)
	if err != nil {
		return File{}, fmt.Errorf("have etcd join: %w", err)
	}
	return f, nil
}

func existing(manifest File, members []Member) (File, error) {
	list, err := initialCluster(members)
	if err != nil {
		return File{}, err
	}
	d, err := read(manifest)
	if err != nil {
		return File{}, err
	}
	for _, c := range d.containers() {
		if c.program() != "etcd" {
			continue
		}
		if err := c.join(list); err != nil {
			return File{}, fmt.Errorf("%s: %w", manifest.Path, err)
		}
		data, err := write(d.tree)
		return File{manifest.Path, data}, err
	}
	return File{}, fmt.Errorf("%s: no container runs etcd by its command: give the manifest of etcd", manifest.Path)
}

func initialCluster(members []Member) (string, error) {
	if len(members) == 0 {
		return "", errors.New("there are no members: give all that the cluster has, with the one that joins")
	}
	for _, m := range members {
		if err := m.check(); err != nil {
			return "", err
		}
	}
	return clusterList(members), nil
}

func clusterList(members []Member) string {
	var entries []string
	for _, m := range members {
		entries = append(entries, m.Name+"="+m.PeerURL)
	}
	return strings.Join(entries, ",")
}

func isJoinFlag(flag string) bool {
	return flag == "initial-cluster" || flag == "initial-cluster-state"
}

// join puts the two flags where the first of them was, else at the end of the command, as kubeadm has them.
func (c *container) join(list string) error {
	words := c.words()
	if isShell(words[0].String()) {
		return errors.New("a shell's script starts etcd: write its flags into the command, or change the script by hand")
	}
	place, key := -1, "command"
	for _, k := range []string{"command", "args"} {
		kept, at, err := withoutJoinFlags(listOf(c.tree, k))
		if err != nil {
			return err
		}
		if at >= 0 && place < 0 {
			place, key = at, k
		}
		if kept != nil {
			c.tree[k] = kept
		}
	}
	into := listOf(c.tree, key)
	if place < 0 {
		place = len(into)
	}
	flags := []any{"--initial-cluster=" + list, "--initial-cluster-state=existing"}
	c.tree[key] = append(append(append([]any{}, into[:place]...), flags...), into[place:]...)
	c.dropVariables()
	return nil
}

// withoutJoinFlags gives a list of words without the two flags, and where the first of them was.
func withoutJoinFlags(words []any) (kept []any, at int, err error) {
	at = -1
	for i := 0; i < len(words); i++ {
		text, _ := words[i].(string)
		flag, _, has := strings.Cut(text, "=")
		if !strings.HasPrefix(flag, "-") || !isJoinFlag(flagName("etcd", flag)) {
			kept = append(kept, words[i])
			continue
		}
		if at < 0 {
			at = len(kept)
		}
		if has {
			continue
		}
		if i++; i == len(words) {
			return nil, 0, fmt.Errorf("%s has no value beside it: write it as %s=VALUE", flag, flag)
		}
	}
	return kept, at, nil
}

func (c *container) dropVariables() {
	env := listOf(c.tree, "env")
	if env == nil {
		return
	}
	kept := []any{}
	for _, item := range env {
		e, _ := item.(map[string]any)
		if name := textOf(e, "name"); name != variable("initial-cluster") && name != variable("initial-cluster-state") {
			kept = append(kept, item)
		}
	}
	c.tree["env"] = kept
}
