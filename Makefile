# Everything that CI and contributors run. CONTRIBUTING.md says what each target is for.

MODULES     := . etcdsnap/restore examples examples/embed internal/e2e
LIBRARY     := . etcdsnap/restore
PLATFORMS   := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
COMPILED    := darwin/arm64 windows/amd64
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
SOAK        := 10m
ROUNDS      := 25

# in-each runs a command in each of the modules that are its first argument.
in-each = @set -e; for m in $(1); do echo "$(2)  [$$m]"; (cd $$m && $(2)); done

.PHONY: test test-short bench soak drill probe host fmt vet staticcheck tidy cross peers race newest floors demo

test: host fmt tidy vet staticcheck cross peers race newest floors demo
	@echo "make test: all good"

test-short:
	$(call in-each,. etcdsnap/restore examples,go test ./...)

bench: peers
	cd internal/e2e && go test -run '^$$' -bench . -timeout 60m ./...

# Can this machine carry a kubeadm cluster in namespaces? It says which part does not work.
probe:
	cd internal/e2e && CGO_ENABLED=0 go run ./probe

# A real kubeadm cluster of three nodes, of which two are lost; a node of one that is lost and restored by hand, by one
# command, and on other machines, with the time of each step.
drill: peers probe
	cd internal/e2e && go test -count 1 -timeout 20m -v -run TestCluster ./kubecluster -args -nodes 3
	cd internal/e2e && go test -count 1 -timeout 40m -v -run '^$$' -bench . -benchtime 1x ./drills

# Each fuzz target in turn, since go takes one at a time; then what kills and starves, again and again,
# and a restore of a real node that is killed at each line of its journal.
soak: peers
	@set -e; for m in $(MODULES); do cd $(CURDIR)/$$m; for p in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(SOAK) -fuzzminimizetime 1s $$p; done; done; done
	cd internal/e2e && go test -run 'Kill|Dies|Broken|Full|Damaged|Fails' -count $(ROUNDS) -timeout 0 . ./bed ./snapshots
	cd internal/e2e && go test -count 1 -timeout 0 -v -run 'Killed|Stores/killed' ./stores -args -kills 50
	cd internal/e2e && go test -count 1 -timeout 0 -v -run TestOneNode ./drills -args -every-line

host:
	@[ "$$(uname -s)" = Linux ] && [ "$$(id -u)" = 0 ] && \
	  (for c in cc chromium containerd ctr ip iptables mkfs.btrfs pgrep prometheus-pushgateway promtool runc ss unzip zstd; do command -v $$c >/dev/null || exit 1; done) || \
	  { echo "make test needs Linux, root, a C compiler and the packages of .ci/packages.txt: try make test-short"; exit 1; }

fmt:
	@out=$$(gofmt -l .); [ -z "$$out" ] || { echo "gofmt -w these files:"; echo "$$out"; exit 1; }

tidy:
	$(call in-each,$(MODULES),go mod tidy -diff)

vet:
	$(call in-each,$(MODULES),go vet ./...)

staticcheck:
	$(call in-each,$(MODULES),go run $(STATICCHECK) ./...)

# The library builds for each platform: its code and its tests are type-checked for all, and compiled for one of each
# other system, since to compile what it imports takes ten times as long. (The image is compiled for linux/arm64 in tests.)
cross:
	cd internal/e2e && go build -o ../../bin/platforms ./platforms
	@set -e; for p in $(PLATFORMS); do echo "types of $(LIBRARY)  [$$p]"; bin/platforms $$p $(LIBRARY); done
	@set -e; for p in $(COMPILED); do for m in $(LIBRARY); do echo "go build ./...  [$$m, $$p]"; \
	  (cd $$m && CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} go build ./...); done; done

# The stock programs that tests run: etcd, kubeadm, kube-apiserver and others. Built once, at length, and
# kept in the user's cache directory, so that no test's time runs out over it.
peers:
	cd internal/e2e && go run ./peers/build

# What an interrupted run leaves in its temporary directory goes with it. One test is somebody else, and has to
# get through. The operator of examples/embed is built and tested in internal/e2e: it has no tests to race.
race:
	@tmp=$$(mktemp -d); chmod 711 "$$tmp"; trap 'rm -rf "$$tmp"' EXIT; trap 'exit 1' HUP INT TERM; export TMPDIR="$$tmp"; set -e; \
	  for m in $(filter-out examples/embed,$(MODULES)); do echo "go test -race ./...  [$$m]"; (cd $$m && go test -race -timeout 30m ./...); done

# The library on a real node once more, in one process with what it requires at least.
floors:
	cd internal/e2e && go test -modfile=floors.mod -run TestLibrary ./realnode

# The root module again, with what it requires at its newest instead of its floor. What those
# require in turn comes along; newer than that may want a newer Go (get -u does not ask).
newest:
	@set -e; tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; trap 'exit 1' HUP INT TERM; \
	  cp go.mod $$tmp/newest.mod; cp go.sum $$tmp/newest.sum; \
	  go get -modfile=$$tmp/newest.mod $$(go list -m -f '{{if not (or .Main .Indirect)}}{{.Path}}@latest{{end}}' all); \
	  go mod tidy -modfile=$$tmp/newest.mod; \
	  echo "go test ./...  [., everything newest]"; go test -modfile=$$tmp/newest.mod ./...

demo:
	go run -C examples ./clustersnap demo
