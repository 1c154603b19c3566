package atrest

import (
	"strings"
	"testing"
)

// TestParseRefusesAsKubeAPIServer has what kube-apiserver finds wrong beyond the form, each beside what is right.
func TestParseRefusesAsKubeAPIServer(t *testing.T) {
	kms := func(fields string) string { return entryOf("secrets", "kms: {"+fields+"}") }
	box := keys("secretbox", "k", newKey(32))
	for _, c := range []struct{ name, good, bad, want string }{
		{"no endpoint", kms("name: a, endpoint: unix:///a"), kms("name: a"), "no endpoint"},
		{"remote endpoint", kms("name: a, endpoint: 'unix://@a'"), kms("name: a, endpoint: https://a"), "no endpoint"},
		{"no URL", kms("name: a, endpoint: unix:///a"), kms("name: a, endpoint: 'unix://[a'"), "no endpoint"},
		{"v1 without a cache", kms("name: a, endpoint: unix:///a, cachesize: -1"), kms("name: a, endpoint: unix:///a, cachesize: 0"), "cachesize of 0"},
		{"v2 with a cache", kms("apiVersion: v2, name: a, endpoint: unix:///a"),
			kms("apiVersion: v2, name: a, endpoint: unix:///a, cachesize: 5"), "does not know"},
		{"no duration", kms("name: a, endpoint: unix:///a, timeout: 1m2s"), kms("name: a, endpoint: unix:///a, timeout: soon"), "timeout"},
		{"no time", kms("name: a, endpoint: unix:///a, timeout: 1ns"), kms("name: a, endpoint: unix:///a, timeout: 0s"), "timeout"},
		{"empty timeout", kms("name: a, endpoint: unix:///a"), kms("name: a, endpoint: unix:///a, timeout: ''"), "timeout"},
		{"colon", kms("name: 'a:b', endpoint: unix:///a"), kms("apiVersion: v2, name: 'a:b', endpoint: unix:///a"), "colon"},
		{"one name", kms("name: a, endpoint: unix:///a") + kms("name: a, endpoint: unix:///a"),
			kms("name: a, endpoint: unix:///a") + kms("apiVersion: v2, name: a, endpoint: unix:///a"), "one name"},
		{"one name of v2", kms("apiVersion: v2, name: a, endpoint: unix:///a") + kms("apiVersion: v2, name: b, endpoint: unix:///a"),
			kms("apiVersion: v2, name: a, endpoint: unix:///a") + kms("apiVersion: v2, name: a, endpoint: unix:///a"), "one name"},
		{"capitals", entryOf("secrets", box), entryOf("SECRETS", box), "capital"},
		{"capitals in a group", entryOf("a.b.c", box), entryOf("a.b.C", box), "capital"},
		{"star", entryOf("'*.'", box), entryOf("'*'", box), "a resource is *"},
		{"all groups", entryOf("'*.*'", box), entryOf("'secrets.*'", box), "all groups"},
		{"events", entryOf("events", box), entryOf("events.events.k8s.io", box), "another"},
		{"extensions", entryOf("ingresses.networking.k8s.io", box), entryOf("ingresses.extensions", box), "another"},
		{"no API", entryOf("apiserveripinfo.example.com", box), entryOf("apiserveripinfo", box), "no API"},
		{"twice", entryOf("secrets, secrets.example.com", box), entryOf("secrets, configmaps, secrets", box), "the same"},
		{"covered by all", entryOf("secrets", box) + entryOf("'*.*'", box), entryOf("secrets, '*.*'", box), "covers"},
		{"all, and one", entryOf("'*.apps', secrets", box), entryOf("'*.*', secrets", box), "covers"},
		{"covered by its group", entryOf("secrets, '*.apps'", box), entryOf("'*.', secrets", box), "covers"},
		{"its group, and one", entryOf("deployments.apps, '*.'", box), entryOf("deployments.apps, '*.apps'", box), "covers"},
	} {
		if _, err := Parse([]byte(head + c.good)); err != nil {
			t.Errorf("%s: %v, and it is right", c.name, err)
		}
		if _, err := Parse([]byte(head + c.bad)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
