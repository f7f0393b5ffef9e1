# Everything a person or CI runs. `make test` and `make demo` install what they
# need on Debian or Ubuntu (PostgreSQL server programs; a browser for the tests of
# the page), and say what to install elsewhere.
export CGO_ENABLED := 0

GO       ?= go
BIN      := bin/bcctl
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS  := -s -w -X github.com/bcctl/bcctl/internal/cli.Version=$(VERSION)
# Without it gosnowflake would load a native library (docs/adr/0003).
TAGS     := minicore_disabled
LINT     := bin/golangci-lint
LINT_VERSION := v2.15.0

.PHONY: build test race demo lint bench docs generate clean setup setup-browser setup-clients setup-patroni

build: $(BIN)

.PHONY: $(BIN)
$(BIN):
	$(GO) build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/bcctl

# PostgreSQL server programs for the laboratory and the tests.
setup:
	@scripts/setup-postgres.sh

# A browser for the tests of the readiness page; without one they are skipped.
setup-browser:
	@scripts/setup-browser.sh

# Clients and tools by other people, likewise.
setup-clients:
	@scripts/setup-clients.sh

# A Patroni cluster's programs, likewise.
setup-patroni:
	@scripts/setup-patroni.sh

# The commands' own package runs real servers and processes for ten to thirty minutes on two
# cores; ten are the limit that go test sets by itself.
test: setup setup-browser setup-clients setup-patroni
	$(GO) test -tags $(TAGS) -timeout 60m ./...

# The same under the race detector, which needs a C compiler.
race: setup setup-browser setup-clients setup-patroni
	CGO_ENABLED=1 $(GO) test -race -tags $(TAGS) ./...

demo: setup build
	@scripts/demo.sh $(BIN)

lint: $(LINT)
	@test -z "$$(gofmt -l .)" || { echo "not gofmt-clean:"; gofmt -l .; exit 1; }
	$(GO) vet -tags $(TAGS) ./...
	$(LINT) run --build-tags $(TAGS) ./...

$(LINT):
	GOBIN=$(abspath bin) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

bench: setup build
	@bench/run.sh

generate:
	$(GO) generate ./...

# Generated documentation: reason codes, exit codes, commands.
docs: generate build
	rm -rf docs/cli && $(BIN) gen docs docs/cli
	$(BIN) help exit-codes > /dev/null

clean:
	rm -rf bin dist
