package kubeadm

import (
	"slices"
	"testing"
)

func TestInScript(t *testing.T) {
	for name, c := range map[string]struct {
		script  string
		want    []string
		dynamic bool
		found   int
	}{
		"plain":         {script: "etcd --name x", want: []string{"--name", "x"}, found: 1},
		"exec and path": {script: "exec /usr/local/bin/etcd --name=x", want: []string{"--name=x"}, found: 1},
		"GCE": {script: "set -o errexit; if [ -e /usr/local/bin/migrate-if-needed.sh ]; then /usr/local/bin/migrate-if-needed.sh 1>>/var/log/etcd.log 2>&1; fi; " +
			"exec /usr/local/bin/etcd --name etcd-x --listen-client-urls http://127.0.0.1:2379 1>>/var/log/etcd.log 2>&1",
			want: []string{"--name", "etcd-x", "--listen-client-urls", "http://127.0.0.1:2379"}, found: 1},
		"quotes":                     {script: `etcd --name='a b' "--data-dir=/x y" --z=a\ b\'c`, want: []string{"--name=a b", "--data-dir=/x y", "--z=a b'c"}, found: 1},
		"quotes within a word":       {script: `etcd --name=a'b'"c"d`, want: []string{"--name=abcd"}, found: 1},
		"lines":                      {script: "etcd --a=1 \\\n  --b=2\n", want: []string{"--a=1", "--b=2"}, found: 1},
		"escapes in double quotes":   {script: `etcd "--a=\"x\" \$y \z"`, want: []string{`--a="x" $y \z`}, found: 1},
		"dollar in single quotes":    {script: `etcd --a='$x'`, want: []string{"--a=$x"}, found: 1},
		"comment":                    {script: "# etcd --a=1\netcd --b=2 # --c=3", want: []string{"--b=2"}, found: 1},
		"variable":                   {script: "etcd --name=$NAME", want: []string{"--name=$NAME"}, dynamic: true, found: 1},
		"variable in double quotes":  {script: `etcd --name="$NAME"`, want: []string{"--name=$NAME"}, dynamic: true, found: 1},
		"command substitution":       {script: "etcd --name=`hostname`", want: []string{"--name=`hostname`"}, dynamic: true, found: 1},
		"pattern":                    {script: "etcd --x=[::1] --x /a/*", want: []string{"--x=[::1]", "--x", "/a/*"}, dynamic: true, found: 1},
		"variable elsewhere":         {script: "echo $HOME; exec etcd --name=x", want: []string{"--name=x"}, found: 1},
		"pipe":                       {script: "etcd --name=x | tee /var/log/etcd", want: []string{"--name=x"}, found: 1},
		"assignment":                 {script: "ETCDCTL_API=3 X='a b' etcd --a=1", want: []string{"--a=1"}, found: 1},
		"brackets in a flag":         {script: "etcd --x=https://[127.0.0.1]:1", want: []string{"--x=https://[127.0.0.1]:1"}, found: 1},
		"environment":                {script: "ETCD_NAME=m1 exec etcd --a=1", want: []string{"--a=1"}, dynamic: true, found: 1},
		"exported":                   {script: "export ETCD_NAME=m1; exec etcd --a=1", want: []string{"--a=1"}, dynamic: true, found: 1},
		"exported for other":         {script: "export PATH=/bin; exec etcd --a=1", want: []string{"--a=1"}, found: 1},
		"sourced":                    {script: "set -a; . /etc/etcd.env; etcd --a=1", want: []string{"--a=1"}, dynamic: true, found: 1},
		"here-document":              {script: "cat >/x <<EOF\netcd --name=doc\nEOF\nexec /opt/run", want: []string{"--name=doc"}, dynamic: true, found: 1},
		"by env":                     {script: "env -i etcd --a=1", found: 0},
		"twice":                      {script: "etcd --name=x || etcd --name=y", want: []string{"--name=y"}, found: 2},
		"only named":                 {script: "echo etcd --name=x; etcdctl get etcd", found: 0},
		"redirection without number": {script: "etcd --name=x >/dev/null --b=2", want: []string{"--name=x", "--b=2"}, found: 1},
		"nothing":                    {script: " \n;;\t", found: 0},
		"unclosed":                   {script: `etcd --a="b`, want: []string{"--a=b"}, found: 1},
	} {
		got, dynamic, found := inScript(c.script, "etcd")
		if !slices.Equal(got, c.want) || dynamic != c.dynamic || found != c.found {
			t.Errorf("%s: got %q, dynamic %v, %d found", name, got, dynamic, found)
		}
	}
}

func TestScript(t *testing.T) {
	for _, c := range []struct {
		argv []string
		want string
		ok   bool
	}{
		{[]string{"/bin/sh", "-c", "x y"}, "x y", true},
		{[]string{"/bin/sh", "-ec", "x y"}, "x y", true},
		{[]string{"bash", "-x", "-c", "x"}, "x", true},
		{[]string{"bash", "--norc", "-c", "x"}, "x", true},
		{[]string{"bash", "-euo", "pipefail", "-c", "x"}, "x", true},
		{[]string{"bash", "-o", "pipefail", "/run.sh"}, "", false},
		{[]string{"sh", "-c"}, "", false},
		{[]string{"sh", "/run.sh"}, "", false},
		{[]string{"sh", "/run.sh", "-c", "x"}, "", false},
		{[]string{"etcd", "-c", "x"}, "", false},
		{nil, "", false},
	} {
		if got, ok := script(c.argv); got != c.want || ok != c.ok {
			t.Errorf("%q: got %q, %v", c.argv, got, ok)
		}
	}
}

func FuzzInScript(f *testing.F) {
	f.Add("exec etcd --name='x' \"$y\" 2>&1 | tee")
	f.Fuzz(func(t *testing.T, script string) {
		args, _, found := inScript(script, "etcd")
		if found == 0 && len(args) > 0 {
			t.Error("arguments of no command")
		}
	})
}
