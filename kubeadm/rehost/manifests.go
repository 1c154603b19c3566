package rehost

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Moved are manifests for another host.
type Moved struct {
	From Host `json:"from"`
	To   Host `json:"to"`
	// Files are all that were given, under their paths, in the form that kubeadm writes.
	Files []File `json:"-"`
	// Changes are what was understood, in the order of the files.
	Changes []Change `json:"changes"`
	// Findings are what was not, and what else has to be looked at, in the order of the files.
	Findings []Finding `json:"findings,omitempty"`
}

// Change is a field that has another value now.
type Change struct {
	File string `json:"file"`
	// Field is as in "spec.containers[etcd] --name".
	Field string `json:"field"`
	Old   string `json:"old"`
	New   string `json:"new"`
}

// String is a line for people.
func (c Change) String() string {
	return fmt.Sprintf("%s: %s: %s -> %s", c.File, c.Field, clean(c.Old), clean(c.New))
}

// Finding is something that a person has to look at.
type Finding struct {
	File  string `json:"file"`
	Field string `json:"field,omitempty"`
	// Text is a sentence: what is there, and what to do. It shows no more of a value than a name or an address.
	Text string `json:"text"`
}

// String is a line for people.
func (f Finding) String() string {
	if f.Field == "" {
		return f.File + ": " + f.Text
	}
	return f.File + ": " + f.Field + ": " + f.Text
}

// Manifests rewrites the static pods of one host for another: the flags and variables of etcd and the flags of
// kube-apiserver, kube-controller-manager and kube-scheduler that hold names and addresses of the node itself, also in a
// shell's script; probes, ports and kubeadm's annotations. Of --initial-cluster the entry of the node itself remains, as a
// restored member is alone. Where the new address is of the other family of IP, loopback becomes that of the other family
// where kubeadm has it so. What kubeadm has written for the old host becomes what it would write for the new one, byte for
// byte. Comments of YAML are lost.
//
// From is what [HostOf] tells, or more than that; an empty name means that none is looked for. To must have a name if from
// has one. An address of from.Others without a counterpart in to.Others is not changed.
//
// Everything else stays as it is. What of it mentions the old host is a Finding: a token's issuer, a sidecar's arguments, a
// path. So is what will not work on the new host as it stands.
//
// Each file is a v1 Pod of at most 1 MiB, of 256 files at most.
func Manifests(files []File, from, to Host) (*Moved, error) {
	m, err := move(files, from.plain(), to.plain())
	if err != nil {
		return nil, fmt.Errorf("rewrite manifests: %w", err)
	}
	return m, nil
}

func move(files []File, from, to Host) (*Moved, error) {
	s, err := newSwap(from, to)
	if err != nil {
		return nil, err
	}
	documents, err := readAll(files)
	if err != nil {
		return nil, err
	}
	m := &Moved{From: from, To: to}
	for _, d := range documents {
		e := &editor{swap: s, document: d}
		e.edit()
		data, err := write(d.tree)
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", d.path, err)
		}
		m.Files = append(m.Files, File{d.path, data})
		m.Changes = append(m.Changes, e.changes...)
		m.Findings = append(m.Findings, e.findings...)
		m.Findings = append(m.Findings, s.mentions(d.path, d.tree)...)
	}
	return m, nil
}

func newSwap(from, to Host) (swap, error) {
	check := func(h Host, which string) error {
		err := h.checkAddresses()
		if err == nil && (h.Name != "" || from.Name != "") {
			err = checkName(h.Name)
		}
		if err != nil {
			return fmt.Errorf("the %s host: %w", which, err)
		}
		return nil
	}
	if err := cmp.Or(check(from, "old"), check(to, "new")); err != nil {
		return swap{}, err
	}
	return swap{from, to}, nil
}

// editor makes the changes in one manifest.
type editor struct {
	swap
	*document
	changes  []Change
	findings []Finding
}

func (e *editor) changed(field, old, next string) string {
	if old != next {
		e.changes = append(e.changes, Change{e.path, field, shown(old), shown(next)})
	}
	return next
}

// shown is a value without passwords in its URLs.
func shown(value string) string { return passwords.ReplaceAllString(value, "//...@") }

var passwords = regexp.MustCompile(`//[^/,;@]*@`)

func (e *editor) found(field, format string, args ...any) {
	e.findings = append(e.findings, Finding{e.path, field, fmt.Sprintf(format, args...)})
}

// field rewrites a text of a map, if there is one.
func (e *editor) field(tree map[string]any, key, name string, rule func(string) string) {
	if old, ok := tree[key].(string); ok {
		tree[key] = e.changed(name, old, rule(old))
	}
}

// kubeadm reads these back from the mirror pods (cmd/kubeadm/app/constants in kubernetes/kubernetes).
const (
	etcdAnnotation      = "kubeadm.kubernetes.io/etcd.advertise-client-urls"
	apiServerAnnotation = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"
)

func (e *editor) edit() {
	annotations := mapOf(mapOf(e.tree, "metadata"), "annotations")
	for _, key := range []string{etcdAnnotation, apiServerAnnotation} {
		e.field(annotations, key, "metadata.annotations["+key+"]", func(old string) string { return hosts(e.swap, old) })
	}
	e.field(mapOf(e.tree, "spec"), "nodeName", "spec.nodeName", e.name)
	e.field(mapOf(e.tree, "spec"), "hostname", "spec.hostname", e.name)
	for _, c := range e.containers() {
		e.container(c)
	}
}

func (e *editor) container(c *container) {
	program, at := c.program(), "spec.containers["+clean(c.name)+"]"
	c.flags(func(flag, value string) string {
		return e.changed(at+" --"+clean(strings.TrimLeft(flag, "-")), value, e.rewrite(program, flag, value))
	})
	if program == "etcd" {
		e.variables(c, at)
	}
	for _, probe := range []string{"livenessProbe", "readinessProbe", "startupProbe"} {
		rule := e.host
		if program == "etcd" {
			rule = e.local
		}
		for _, kind := range []string{"httpGet", "tcpSocket"} {
			e.field(mapOf(mapOf(c.tree, probe), kind), "host", at+"."+probe+"."+kind+".host", rule)
		}
	}
	for i, item := range listOf(c.tree, "ports") {
		if port, ok := item.(map[string]any); ok {
			e.field(port, "hostIP", fmt.Sprintf("%s.ports[%d].hostIP", at, i), e.host)
		}
	}
	e.judge(c, program, at)
}

// variables rewrites those that etcd reads where it has no flag.
func (e *editor) variables(c *container, at string) {
	for _, v := range c.env() {
		name, ok := strings.CutPrefix(textOf(v, "name"), "ETCD_")
		flag := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
		if ok && variable(flag) == "ETCD_"+name {
			e.field(v, "value", at+" ETCD_"+clean(name), func(old string) string { return e.rewrite("etcd", flag, old) })
		}
	}
}

// judge finds what is no mention of the old host and does not work on the new one either.
func (e *editor) judge(c *container, program, at string) {
	switch program {
	case "etcd":
		if c.value("config-file") != "" {
			e.found(at+" --config-file", "etcd takes all its settings from that file and none from here: change name and addresses "+
				"there")
		}
	case "kube-apiserver":
		e.judgeServices(c, at)
		e.judgeEtcd(c, at)
	}
}

// judgeServices holds the family of the address against that of the Services, of which kube-apiserver wants the first to be the
// same (cmd/kube-apiserver/app/options in kubernetes/kubernetes).
func (e *editor) judgeServices(c *container, at string) {
	first, _, _ := strings.Cut(c.value("service-cluster-ip-range"), ",")
	services, err := netip.ParsePrefix(strings.TrimSpace(first))
	if err == nil && services.Addr().Is4() != e.to.Address.Is4() {
		e.found(at+" --service-cluster-ip-range", "kube-apiserver does not start with Services of one family of IP and the "+
			"address %s of the other: give the new host an address of the family of its Services", e.to.Address)
	}
}

// judgeEtcd finds members on other nodes, which a restored cluster of one does not have.
func (e *editor) judgeEtcd(c *container, at string) {
	servers := strings.Split(c.value("etcd-servers"), ",")
	own := func(text string) bool {
		u, ok := splitURL(strings.TrimSpace(text))
		a, err := netip.ParseAddr(u.host)
		return ok && (u.host == "localhost" || u.host == e.to.Name || err == nil &&
			(a.IsLoopback() || a == e.to.Address || slices.Contains(e.to.Others, a)))
	}
	if !slices.ContainsFunc(servers, own) {
		return // etcd is elsewhere, and was not moved
	}
	for _, text := range servers {
		if u, ok := splitURL(strings.TrimSpace(text)); ok && !own(text) {
			e.found(at+" --etcd-servers", "the member at %s is none of a restored cluster until it joins again: take it out till then",
				clean(u.host))
		}
	}
}
