package volsnap

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/resource"
)

// WriteText writes the plan for people to read: what will be taken, then what can't be, with why and what to do, then what a
// run will have to do without. Volumes of pods of one name and reason share a line. Names and sentences can do a terminal no
// harm, whoever chose them.
func (p *Plan) WriteText(w io.Writer) error {
	var text strings.Builder
	var taken, claims, others []Volume
	for _, v := range p.Volumes {
		switch {
		case v.Reason == "":
			taken = append(taken, v)
		case v.Claim != "":
			claims = append(claims, v)
		default:
			others = append(others, v)
		}
	}
	fmt.Fprintf(&text, "cluster %s, group snapshots %s\n",
		plain(cmp.Or(p.Cluster, "unknown")), plain(cmp.Or(p.Groups, "not served")))
	fmt.Fprintf(&text, "volumes: %d to be snapshotted, %d not snapshottable: %d with a claim, %d of pods without one\n",
		len(taken), len(claims)+len(others), len(claims), len(others))
	writeTaken(&text, taken)
	if len(claims) > 0 {
		fmt.Fprintln(&text, "\nClaims that can't be snapshotted:")
	}
	for _, v := range claims {
		fmt.Fprintf(&text, "  %s/%s: %s: %s\n", plain(v.Namespace), plain(v.Claim), plain(string(v.Reason)), plain(v.Detail))
	}
	writeWithoutClaim(&text, others)
	if len(p.Missing) > 0 {
		fmt.Fprintln(&text, "\nMissing:")
	}
	for _, l := range p.Missing {
		fmt.Fprintf(&text, "  %s\n", plain(l.String()))
	}
	if _, err := io.WriteString(w, text.String()); err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	return nil
}

func writeTaken(w io.Writer, volumes []Volume) {
	if len(volumes) == 0 {
		return
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAMESPACE\tCLAIM\tSIZE\tMODE\tDRIVER\tCLASS\tPODS")
	for _, v := range volumes {
		size := resource.NewQuantity(v.Size, resource.BinarySI).String()
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", plain(v.Namespace), plain(v.Claim), size, plain(v.Mode), plain(v.Driver),
			plain(v.Class), plain(cmp.Or(some(v.Pods), "none")))
	}
	table.Flush() // of a strings.Builder, which takes everything
}

// writeWithoutClaim writes a line for all pods that have a volume of one name and for one reason, such as those of a DaemonSet.
func writeWithoutClaim(w io.Writer, volumes []Volume) {
	if len(volumes) == 0 {
		return
	}
	fmt.Fprintln(w, "\nVolumes of pods without a claim, which are not snapshotted:")
	type kind struct {
		namespace, name, source string
		reason                  Reason
		detail                  string
	}
	var kinds []kind
	pods := map[kind][]string{}
	for _, v := range volumes {
		pod, name, _ := strings.Cut(v.PodVolume, "/")
		k := kind{v.Namespace, name, v.Source, v.Reason, v.Detail}
		if pods[k] == nil {
			kinds = append(kinds, k)
		}
		pods[k] = append(pods[k], pod)
	}
	for _, k := range kinds {
		fmt.Fprintf(w, "  %s/%s (%s) of %s: %s: %s\n", plain(k.namespace), plain(k.name), plain(cmp.Or(k.source, "unknown")),
			plain(some(pods[k])), plain(string(k.reason)), plain(k.detail))
	}
}

// maxText is how long a name or a sentence gets on a line, in bytes.
const maxText = 600

// plain is a text that can stand on a line of a terminal: what can't be seen becomes a question mark.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if len(s) <= maxText {
		return s
	}
	end := maxText
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "..."
}
