# Everything that CI and contributors run. CONTRIBUTING.md says what each target is for.

MODULES     := . etcdsnap/restore examples internal/e2e
LIBRARY     := . etcdsnap/restore
PLATFORMS   := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
SOAK        := 10m

# in-each runs a command in each of the modules that are its first argument.
in-each = @set -e; for m in $(1); do echo "$(2)  [$$m]"; (cd $$m && $(2)); done

.PHONY: test test-short bench soak host fmt vet staticcheck tidy cross race newest demo

test: host fmt tidy vet staticcheck cross race newest demo
	@echo "make test: all good"

test-short:
	$(call in-each,. etcdsnap/restore examples,go test ./...)

bench:
	cd internal/e2e && go test -run '^$$' -bench . -benchmem ./...

# Each fuzz target in turn: go takes one at a time.
soak:
	@set -e; for m in $(MODULES); do cd $(CURDIR)/$$m; for p in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(SOAK) $$p; done; done; done

host:
	@[ "$$(uname -s)" = Linux ] && [ "$$(id -u)" = 0 ] && \
	  command -v cc >/dev/null && command -v unzip >/dev/null && command -v zstd >/dev/null || \
	  { echo "make test needs Linux, root, a C compiler, unzip and zstd: try make test-short"; exit 1; }

fmt:
	@out=$$(gofmt -l .); [ -z "$$out" ] || { echo "gofmt -w these files:"; echo "$$out"; exit 1; }

tidy:
	$(call in-each,$(MODULES),go mod tidy -diff)

vet:
	$(call in-each,$(MODULES),go vet ./...)

staticcheck:
	$(call in-each,$(MODULES),go run $(STATICCHECK) ./...)

cross:
	@set -e; for p in $(PLATFORMS); do for m in $(LIBRARY); do echo "go build ./...  [$$m, $$p]"; \
	  (cd $$m && CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} go build ./...); done; done

race:
	$(call in-each,$(MODULES),go test -race ./...)

# The root module again, with what it requires at its newest instead of its floor. What those
# require in turn comes along; newer than that may want a newer Go (get -u does not ask).
newest:
	@set -e; tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; \
	  cp go.mod $$tmp/newest.mod; cp go.sum $$tmp/newest.sum; \
	  go get -modfile=$$tmp/newest.mod $$(go list -m -f '{{if not (or .Main .Indirect)}}{{.Path}}@latest{{end}}' all); \
	  go mod tidy -modfile=$$tmp/newest.mod; \
	  echo "go test ./...  [., everything newest]"; go test -modfile=$$tmp/newest.mod ./...

demo:
	go run -C examples ./clustersnap demo
