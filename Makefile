# Graphsnap. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

BIN := bin/graphsnap
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo dev)
GO_SOURCES := $(shell find cmd engine cypher api configs frontend -name '*.go' -o -name '*.cypher' -o -name '*.sql' -o -name '*.yaml' -o -name 'pom.xml' | grep -v node_modules)
VIEWER_SOURCES := $(shell find frontend/src frontend/public frontend/index.html frontend/package.json frontend/package-lock.json frontend/vite.config.ts frontend/tsconfig.json -type f)
VIEWER := frontend/dist/index.html
MODULES := frontend/node_modules/.package-lock.json

ARGS ?=
FUZZTIME ?= 60s
CYCLES ?= 200
SEEDS ?= 200
TRANSACTIONS ?= 100000
SECONDS ?= 300
LINTER := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.PHONY: help build viewer run test test-short e2e lint fuzz faults fault-table bench bench-go generate check-generated screenshot clean preflight-run preflight-test versions

help: ## list the targets and their variables
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  \1\t\2/' | expand -t 18

build: $(BIN) ## build viewer and binary: bin/graphsnap

viewer: $(VIEWER) ## build the viewer into frontend/dist

run: preflight-run $(BIN) ## build and start everything on this machine (ARGS='--port 9090', see graphsnap up --help)
	@$(BIN) up $(ARGS) || { code=$$?; [ $$code -eq 130 ] || exit $$code; }

test: preflight-test ## run all tests: viewer, packages with real servers, end to end in a browser
	@start=$$(date +%s); \
	$(MAKE) --no-print-directory versions $(BIN) test-viewer check-generated && go vet ./... && \
	CI=true go test -count=1 -timeout 45m -skip TestEndToEnd ./... && \
	CI=true go test -count=1 -timeout 20m -run TestEndToEnd ./cmd/graphsnap && \
	$(MAKE) --no-print-directory versions && echo "all tests passed in $$(( $$(date +%s) - start )) s"

test-short: $(VIEWER) test-viewer ## run the tests that need no server and no container
	go vet ./...
	go test -count=1 -short ./...

.PHONY: test-viewer
test-viewer: $(MODULES)
	cd frontend && npm run -s test

e2e: preflight-test $(BIN) ## start the real binary and drive the viewer in Chromium
	go test -count=1 -v -timeout 20m -run TestEndToEnd ./cmd/graphsnap

lint: ## run golangci-lint with the rules of .golangci.yml
	go run $(LINTER) run ./...

fuzz: ## run every fuzz target for FUZZTIME (default 60s)
	@set -e; for package in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
	    echo "$$package $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$package; \
	  done; done

faults: preflight-test ## break all that can break, long: CYCLES kills, SEEDS of cuts and tamperings, TRANSACTIONS beside reads, SECONDS of replicas
	CI=true FAULT_CYCLES=$(CYCLES) FAULT_SEEDS=$(SEEDS) FAULT_TRANSACTIONS=$(TRANSACTIONS) FAULT_SECONDS=$(SECONDS) \
	  go test -count=1 -timeout 6h -v -run 'TestFault|TestServerDies' ./engine/neo4jdb

fault-table: preflight-test ## start each fault of the demo, look for its trace in the diff and print the table of the README
	@file=$$(mktemp); CI=true go test -count=1 -timeout 15m ./cmd/graphsnap -run FaultsLeaveTraces -fault-table $$file > $$file.log || { cat $$file.log; exit 1; }; cat $$file

bench: preflight-run $(BIN) ## measure captures, comparisons, lists and exports beside their raw limits (ARGS='--size 100000/500000 --json')
	$(BIN) bench $(ARGS)

bench-go: ## run the benchmarks of the Go packages
	go test -timeout 60m -run '^$$' -bench . -benchtime 3x -benchmem ./engine/...

generate: $(MODULES) ## write api/openapi.json and the viewer's types from the routes
	go run ./cmd/graphsnap openapi > api/openapi.json.new && mv api/openapi.json.new api/openapi.json
	cd frontend && npm run -s generate

check-generated: $(MODULES)
	@go run ./cmd/graphsnap openapi | cmp - api/openapi.json || { echo 'api/openapi.json is stale: run `make generate`' >&2; exit 1; }
	@cp frontend/src/api/schema.d.ts frontend/node_modules/.schema.d.ts && cd frontend && npx --no-install openapi-typescript ../api/openapi.json -o node_modules/.schema.new.d.ts > /dev/null 2>&1 && \
	  cmp node_modules/.schema.d.ts node_modules/.schema.new.d.ts || { echo 'frontend/src/api/schema.d.ts is stale: run `make generate`' >&2; exit 1; }

screenshot: ## take the picture of the README from a running server (make run)
	cd frontend && npm run -s screenshot -- screenshot.png '/compare/latest~1...latest'

clean: ## remove what was built
	rm -rf bin frontend/node_modules
	find frontend/dist -mindepth 1 ! -name placeholder.txt -delete

versions:
	@echo "versions: $$(go version | cut -d' ' -f3), Node $$(node --version), $$(java -version 2>&1 | head -n 1), $$(chromium --version 2>/dev/null || echo no Chromium), Neo4j $$(sed -n 's:.*<version>\(5[0-9.]*\)</version>.*:\1:p' engine/local/pom.xml | head -n 1), PostgreSQL $$(ls /usr/lib/postgresql 2>/dev/null | tr '\n' ' ')and 16.9 (demo), Docker $$(docker version --format '{{.Server.Version}}' 2>/dev/null || echo none)"

preflight-run:
	@.ci/preflight run

preflight-test:
	@.ci/preflight test

$(BIN): $(GO_SOURCES) $(VIEWER) go.mod go.sum
	go build -ldflags "-X main.version=$(VERSION)" -o $@ ./cmd/graphsnap

$(MODULES): frontend/package.json frontend/package-lock.json
	cd frontend && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(VIEWER): $(VIEWER_SOURCES) $(MODULES)
	cd frontend && npm run -s build
	@touch $@
