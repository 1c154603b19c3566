package pkibundle

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/clustersnap/clustersnap/internal/boundedyaml"
	"github.com/clustersnap/clustersnap/pkibundle/internal/material"
)

// fileFields are the fields of configuration files that name a file to read, by the kind of the file; those of "" count in each.
var fileFields = map[string][]string{
	"":                            {"kubeConfigFile", "kubeconfig"},                                           // apiserver.config.k8s.io, kubescheduler.config.k8s.io
	"Config":                      {"certificate-authority", "client-certificate", "client-key", "tokenFile"}, // k8s.io/client-go/tools/clientcmd/api/v1
	"EgressSelectorConfiguration": {"caBundle", "clientCert", "clientKey"},
	"KubeletConfiguration":        {"clientCAFile", "tlsCertFile", "tlsPrivateKeyFile"},
}

// reader is a program that reads a file of the node; nil stands for the kubelet and other processes of the node itself.
type reader struct {
	path    string // of the file
	program *Program
	plugin  bool // the file is the configuration of an admission plugin, which need not say its kind
}

// close collects what files name that were collected, until there is nothing new.
func (c *collector) close() {
	var queue []reader
	named := map[string]bool{}
	for i := range c.programs {
		for _, ref := range c.programs[i].Files {
			name := strings.TrimPrefix(path.Clean(ref.Path), "/")
			from := c.programs[i].Name + " " + ref.Flag
			if at, ok := c.reach(name, from); ok {
				queue, named[at] = append(queue, reader{path: at, program: &c.programs[i]}), true
			}
		}
	}
	done := map[reader]bool{}
	for first := true; first || len(queue) > 0; first = false {
		for at := range c.files { // what no flag names is read by the node itself
			if r := (reader{path: at}); !named[at] && !done[r] {
				queue = append(queue, r)
			}
		}
		slices.SortFunc(queue, func(a, b reader) int { return strings.Compare(a.path, b.path) })
		var next []reader
		for _, r := range queue {
			if !done[r] {
				done[r] = true
				next = append(next, c.namedBy(r, named)...)
			}
		}
		queue = next
	}
}

// namedBy collects what one file names.
func (c *collector) namedBy(r reader, named map[string]bool) []reader {
	var found []reader
	for _, ref := range references(c.files[r.path].Data, r.plugin) {
		from := r.path + " " + ref.field
		name := ref.path
		if !material.IsPath(name) {
			c.omit(Omission{From: from, Why: "what stands there is no path"}) // and not shown: it could be a key
			continue
		}
		relative := !path.IsAbs(name)
		if relative { // to the file that names it, as kubeconfigs mean it
			name = path.Join(path.Dir(r.inContainer()), name)
		}
		if r.program != nil {
			onNode, ok := r.program.onNode(path.Clean(name))
			if !ok {
				c.omit(Omission{Path: shown(name, relative), From: from, Why: "no hostPath volume of " + r.program.Name + " covers it"})
				continue
			}
			name = onNode
		}
		name = strings.TrimPrefix(path.Clean(name), "/")
		if _, err := c.node.Lstat(name); relative && errors.Is(err, fs.ErrNotExist) {
			c.omit(Omission{Path: shown(name, relative), From: from, Why: "the node has no such file"})
			continue
		}
		if at, ok := c.reach(name, from); ok {
			found, named[at] = append(found, reader{at, r.program, ref.plugin}), true
		}
	}
	return found
}

// shown is what an omission says of a path that leads to nothing. A relative one might be no path but a token.
func shown(name string, relative bool) string {
	if relative {
		return ""
	}
	return name
}

// inContainer gives the path of a file as its program sees it.
func (r reader) inContainer() string {
	at := "/" + r.path
	if r.program == nil {
		return at
	}
	longest, found := -1, at
	for _, m := range r.program.Mounts {
		dir := strings.TrimSuffix(path.Clean(m.OnNode), "/")
		if m.OnNode != "" && len(dir) > longest && below(at, dir) {
			longest, found = len(dir), path.Join(m.Path, strings.TrimPrefix(at, dir))
		}
	}
	return found
}

// isNamed says whether a flag names a path.
func (c *collector) isNamed(name string) bool {
	return slices.ContainsFunc(c.programs, func(p Program) bool {
		return slices.ContainsFunc(p.Files, func(ref Reference) bool {
			return strings.TrimPrefix(path.Clean(ref.Path), "/") == name
		})
	})
}

// reach collects a file that something names, and says where it is. What the node does not have is omitted.
func (c *collector) reach(name, from string) (at string, ok bool) {
	if c.full {
		return "", false
	}
	at, err := follow(name, c.link)
	if err == nil && leftOutByName(at) == "" {
		_, err = c.node.Lstat(at)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) || name == "" || !fs.ValidPath(name):
		c.omit(Omission{Path: name, From: from, Why: "the node has no such file"})
		return "", false
	case err != nil:
		c.fail(name, fmt.Errorf("named by %s: %w", from, err))
		return "", false
	}
	if why := leftOutByName(at); why != "" {
		c.omit(Omission{Path: name, From: from, Why: why, Harmless: true})
		return "", false
	}
	c.hold(at)
	return at, true
}

// onNode gives the node's path of a path that the program sees: through the mount that covers it most closely.
func (p *Program) onNode(name string) (string, bool) {
	longest, found := -1, ""
	for _, m := range p.Mounts {
		dir := strings.TrimSuffix(path.Clean(m.Path), "/")
		if (name == dir || strings.HasPrefix(name, dir+"/")) && len(dir) > longest {
			longest, found = len(dir), ""
			if m.OnNode != "" {
				found = path.Join(m.OnNode, strings.TrimPrefix(name, dir))
			}
		}
	}
	return found, found != ""
}

// reference is a file that a configuration file names.
type reference struct {
	field, path string
	plugin      bool
}

// references finds them in YAML or JSON, which may be several documents. What is neither names none.
func references(data []byte, plugin bool) []reference {
	if bytes.HasPrefix(data, []byte("-----BEGIN")) || !plugin && !bytes.Contains(data, []byte("kind")) {
		return nil
	}
	var found []reference
	for _, document := range bytes.Split(data, []byte("\n---")) {
		var file map[string]any
		if boundedyaml.Unmarshal(document, &file) != nil {
			continue
		}
		kind, _ := file["kind"].(string)
		if kind == "" && !plugin {
			continue
		}
		fields := slices.Concat(fileFields[""], fileFields[kind])
		walkStrings(file, func(key, value string) {
			if slices.Contains(fields, key) && value != "" {
				found = append(found, reference{field: key, path: value})
			}
		})
		if kind == "AdmissionConfiguration" {
			found = append(found, plugins(file)...)
		}
	}
	slices.SortFunc(found, func(a, b reference) int { return strings.Compare(a.field+"\x00"+a.path, b.field+"\x00"+b.path) })
	return found
}

// plugins are the configuration files of admission plugins that are not written inline.
func plugins(admission map[string]any) (found []reference) {
	list, _ := admission["plugins"].([]any)
	for _, entry := range list {
		plugin, _ := entry.(map[string]any)
		if file, _ := plugin["path"].(string); file != "" {
			found = append(found, reference{field: "path", path: file, plugin: true})
		}
	}
	return found
}

// walkStrings calls back for each field, at any depth, that holds a string.
func walkStrings(value any, each func(key, value string)) {
	switch value := value.(type) {
	case map[string]any:
		for key, v := range value {
			if text, ok := v.(string); ok {
				each(key, text)
			}
			walkStrings(v, each)
		}
	case []any:
		for _, v := range value {
			walkStrings(v, each)
		}
	}
}
