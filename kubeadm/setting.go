package kubeadm

// Setting is a value and where it was found. The zero Setting means that the
// node declares no such value.
type Setting struct {
	Value  string `json:"value"`
	Source Source `json:"source"`
}

// Source is the place that a value comes from: a static pod manifest, or a configuration file.
type Source struct {
	// File is relative to the node's root.
	File string `json:"file"`
	// Container is the name of the container in the manifest's pod; empty for another kind of file.
	Container string `json:"container,omitempty"`
	// Key is the flag ("--data-dir"), the environment variable
	// ("ETCD_DATA_DIR") or the field ("image") of the container, or what a configuration file calls it ("data-dir").
	Key string `json:"key"`
	// Rule says how the value follows from the key; it is empty when the value
	// is written there as it is.
	Rule string `json:"rule,omitempty"`
}

// String is for people, as in
// "etc/kubernetes/manifests/etcd.yaml: container etcd: --data-dir".
func (s Source) String() string {
	text := s.File + ": " + s.Key
	if s.Container != "" {
		text = s.File + ": container " + s.Container + ": " + s.Key
	}
	if s.Rule != "" {
		text += " (" + s.Rule + ")"
	}
	return text
}
