package kubeadm

// Setting is a value and where it was found. The zero Setting means that the
// node declares no such value.
type Setting struct {
	Value  string `json:"value"`
	Source Source `json:"source"`
}

// Source is the place in a static pod manifest that a value comes from.
type Source struct {
	// File is the manifest, relative to the node's root.
	File string `json:"file"`
	// Container is the name of the container in the manifest's pod.
	Container string `json:"container"`
	// Key is the flag ("--data-dir"), the environment variable
	// ("ETCD_DATA_DIR") or the field ("image") of the container.
	Key string `json:"key"`
	// Rule says how the value follows from the key; it is empty when the value
	// is written there as it is.
	Rule string `json:"rule,omitempty"`
}

// String is for people, as in
// "etc/kubernetes/manifests/etcd.yaml: container etcd: --data-dir".
func (s Source) String() string {
	text := s.File + ": container " + s.Container + ": " + s.Key
	if s.Rule != "" {
		text += " (" + s.Rule + ")"
	}
	return text
}
