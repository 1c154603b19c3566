package check

// Report is what was seen in a bundle. It holds no secrets.
type Report struct {
	Verdict  Verdict   `json:"verdict"`
	Missing  []Missing `json:"missing,omitempty"`  // sorted by path; none unless Incomplete
	Findings []Finding `json:"findings,omitempty"` // the worst first, then sorted by path; none for a sound node
}

// Verdict says what a bundle is enough for.
type Verdict string

// The verdicts.
const (
	// Full is enough to restore the node as it was.
	Full Verdict = "full"
	// SharedOnly has the files that all nodes of the control plane have in common, complete, and none of one node alone.
	// The cluster's identity can be rebuilt from it, as a node that joins rebuilds its own; flags and kubeconfigs cannot.
	SharedOnly Verdict = "shared-only"
	// ExternalCA is Full but for the cluster CA's key, which is kept off the node, as kubeadm allows: a restored node
	// works until its certificates end, and only who has the key can renew them.
	ExternalCA Verdict = "external-ca"
	// Incomplete lacks what Report.Missing tells.
	Incomplete Verdict = "incomplete"
)

// Missing is a file that the node needs and the bundle lacks.
type Missing struct {
	Role    string `json:"role"`
	Path    string `json:"path"`    // where the node would have it, as of a File; empty if what names it names no path
	Matters string `json:"matters"` // one sentence: what breaks without it
}

// Finding is something about one file that somebody should know.
type Finding struct {
	Severity Severity `json:"severity"`
	Problem  Problem  `json:"problem"`
	Role     string   `json:"role"`
	Path     string   `json:"path"` // as of a File
	Text     string   `json:"text"` // one sentence: what is wrong with the file, and what to do next
}

// Severity says how bad a finding is.
type Severity string

// The severities.
const (
	// Fatal: with this file a restored node does not work, or not all of it.
	Fatal Severity = "fatal"
	// Warning: the file works, and should not stay as it is.
	Warning Severity = "warning"
	// Info: the file is as it should be, and a restore needs something else beside it.
	Info Severity = "info"
)

// Problem is what a finding is about.
type Problem string

// The problems, and their severities.
const (
	Unparsable     Problem = "unparsable"            // Fatal: holds no PEM of the kind that it should, or a broken one
	KeyMismatch    Problem = "key-mismatch"          // Fatal: a key and its certificate, or sa.key and sa.pub, are no pair
	WrongSigner    Problem = "wrong-signer"          // Fatal: a certificate is not signed by the CA that its readers trust
	NotCA          Problem = "not-a-ca"              // Fatal: a CA's certificate does not allow that it signs others
	WrongUsage     Problem = "wrong-usage"           // Fatal: the extended key usages lack what the certificate is used for
	MissingName    Problem = "missing-name"          // Fatal: a server's certificate lacks an address or name that clients use
	Expired        Problem = "expired"               // Fatal; Warning for what the kubelet serves with, which few verify
	NotYetValid    Problem = "not-yet-valid"         // as Expired
	Expiring       Problem = "expiring"              // Warning: expires before the horizon, and see Options.Horizon
	OtherCA        Problem = "other-ca"              // Fatal: a kubeconfig trusts another CA than the cluster's
	Insecure       Problem = "insecure"              // Warning: a kubeconfig verifies no server
	BadKubeconfig  Problem = "bad-kubeconfig"        // Fatal: does not parse, or lacks a server or credentials
	BadEncryption  Problem = "bad-encryption-config" // Fatal: kube-apiserver would not start with it
	LooseMode      Problem = "loose-mode"            // Warning: others than the owner can read or write a secret
	NeedsKMS       Problem = "needs-kms"             // Info: what is encrypted at rest cannot be read without the KMS
	CAKeyElsewhere Problem = "ca-key-elsewhere"      // Info: the CA's key is not on the node
)
