package volfreeze

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// TestQuiesce has one control plane for all.
func TestQuiesce(t *testing.T) {
	s := newScene(t)
	for name, test := range map[string]func(*scene){
		"exec": (*scene).exec, "rights": (*scene).rights, "velero": (*scene).velero,
		"callback": (*scene).callback, "folder": (*scene).folder, "freeze": (*scene).freeze,
		"half": (*scene).half, "shared": (*scene).shared,
		"switch": (*scene).deadMan, "killed": (*scene).killed,
		"foreign": (*scene).foreign, "may be frozen": (*scene).mayBeFrozen,
		"lost": (*scene).lost, "late": (*scene).late, "take": (*scene).take,
	} {
		t.Run(name, func(t *testing.T) { test(s.with(t)) })
	}
}

// holds reports whether an error has a text in it; "" is no error.
func holds(err error, text string) bool {
	return err == nil && text == "" || err != nil && text != "" && strings.Contains(err.Error(), text)
}

// read reads a file, which may not be there.
func read(s *scene, name string) string {
	s.Helper()
	text, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.Fatal(err)
	}
	return string(text)
}
