// Package treemap writes a page that shows what fills an etcd: a treemap to drill down in, and tables. It is one file
// that needs no network to be opened, and whose content security policy allows none. Values of objects are not in it,
// but all their names are: those of Secrets, too.
package treemap

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"

	"github.com/clustersnap/clustersnap/manifests/storage/usage"
)

var (
	//go:embed page.html
	pageText string
	//go:embed page.css
	style string
	//go:embed page.js
	script string

	page = template.Must(template.New("page").Funcs(template.FuncMap{
		"bytes": formatBytes, "number": formatNumber, "percent": percent, "name": resourceName, "colour": colour,
	}).Parse(pageText))
)

// About is what the page says of the snapshot itself.
type About struct {
	Name string // of the file
	Size int64  // in bytes
}

// view is what the template shows.
type view struct {
	*usage.Report
	About
	Style  template.CSS
	Script template.JS
	Policy string
	Data   data
}

// data is what the script draws.
type data struct {
	Tree *node `json:"tree"`
}

// policy lets the page's own style and script in, and nothing out.
const policy = "default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'"

// Write writes the page of a report, for which Options.Objects says how many objects a namespace shows: 200 is a good number.
func Write(w io.Writer, report *usage.Report, about About) error {
	err := page.Execute(w, view{
		Report: report,
		About:  about,
		Style:  template.CSS(style),
		Script: template.JS(script),
		Policy: fmt.Sprintf(policy, digest(style), digest(script)),
		Data:   data{newTree(report)},
	})
	if err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

// digest is how a policy names a text that may stand in the page.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// Other is what the file holds beside records: free pages, the room left in others, and indexes.
func (v view) Other() int64 { return max(0, v.Size-v.Total.RecordBytes) }

// Old is what older revisions and tombstones take.
func (v view) Old() int64 { return v.Total.RecordBytes - v.Total.Bytes }

// List is one of the tables of objects.
type List struct {
	Title, Why string
	Objects    []usage.Object
}

// Lists are the tables of objects.
func (v view) Lists() []List {
	changes := "By all their writes: etcd was never compacted."
	if v.Compacted > 0 {
		changes = fmt.Sprintf("By writes after revision %s, up to which etcd is compacted.", formatNumber(v.Compacted))
	}
	return []List{
		{"Largest objects", "By their newest revision. Each change of an object writes all of it again.", v.Largest},
		{"Objects that store most", "By all their revisions in the file, those that are gone included.", v.Heaviest},
		{"Objects that change most", changes, v.Changing},
	}
}
