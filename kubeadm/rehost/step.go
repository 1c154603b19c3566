package rehost

import (
	"fmt"
	"strings"
)

// Plan is what people or programs have to do, in order. It holds no secrets but where [InitOptions.Token] is given, and then in
// Config alone.
type Plan struct {
	// Config is the configuration file of kubeadm that [Init] makes, and ConfigPath where the steps expect it. It is no part of
	// the JSON.
	Config     []byte `json:"-"`
	ConfigPath string `json:"configPath,omitempty"`
	// Needs are the objects and members that a join needs, or that are in its way.
	Needs    []Need    `json:"needs,omitempty"`
	Steps    []Step    `json:"steps"`
	Changes  []Change  `json:"changes,omitempty"`
	Findings []Finding `json:"findings,omitempty"`
}

// Step is one thing to do. Those of a plan follow each other: a step begins when the one before it is done.
type Step struct {
	// Node is the one that it is for, and Where the one to do it on, as root.
	Node  string `json:"node"`
	Where string `json:"where"`
	// Stage is "fence" for what is done before the restored node starts, "start" for what starts it, and "join" for what is done
	// once its API answers.
	Stage string `json:"stage"`
	// Do is what to do, in a few words; Command does it, where it is not nil: a program and its arguments, for no shell. Those
	// that can't be known yet are [Token], [CertificateKey] and [MemberID].
	Do      string   `json:"do"`
	Command []string `json:"command,omitempty"`
	Why     string   `json:"why"`
	// Prints is what of these three the command prints.
	Prints string `json:"prints,omitempty"`
}

const (
	fenceStage = "fence"
	startStage = "start"
	joinStage  = "join"
)

// What stands in commands for values that commands before print.
const (
	Token          = "<token>"           // of kubeadm token create
	CertificateKey = "<certificate-key>" // the last line of kubeadm init phase upload-certs
	MemberID       = "<member-id>"       // as in "Member ... added to cluster" of etcdctl member add
)

// Shell is the command as one line for a POSIX shell, each argument quoted if it must be; empty if there is none.
func (s Step) Shell() string {
	var words []string
	for _, arg := range s.Command {
		words = append(words, quote(arg))
	}
	return strings.Join(words, " ")
}

const plainBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,@%+"

func quote(arg string) string {
	if arg != "" && strings.Trim(arg, plainBytes) == "" {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}

// Need is something that a join needs or that is in its way.
type Need struct {
	// Kind is that of an object, or "Member" for one of etcd.
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	// State is "present", "missing", "expired", or "stale" for what is of the time before.
	State string `json:"state"`
	// Text is a sentence: why, and what the plan does about it.
	Text string `json:"text"`
}

// String is a line for people.
func (n Need) String() string {
	return fmt.Sprintf("%-8s %s %s: %s", n.State, n.Kind, strings.TrimPrefix(n.Namespace+"/"+n.Name, "/"), n.Text)
}

// String is the plan for people: a number for each step, and below it its command and its reason.
func (p *Plan) String() string {
	var b strings.Builder
	section := func(title string, lines []string) {
		if len(lines) > 0 {
			fmt.Fprintf(&b, "%s:\n", title)
		}
		for _, line := range lines {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	section("What a join needs", textsOf(p.Needs))
	if len(p.Steps) > 0 {
		b.WriteString("Steps:\n")
	}
	for i, s := range p.Steps {
		fmt.Fprintf(&b, "%3d. %-5s on %s: %s\n", i+1, s.Stage, s.Where, s.Do)
		if s.Command != nil {
			fmt.Fprintf(&b, "       %s\n", s.Shell())
		}
		fmt.Fprintf(&b, "     %s\n", s.Why)
	}
	section("Changes", textsOf(p.Changes))
	section("To look at", textsOf(p.Findings))
	return b.String()
}

func textsOf[T fmt.Stringer](list []T) (texts []string) {
	for _, v := range list {
		texts = append(texts, v.String())
	}
	return texts
}
