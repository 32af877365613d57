# The words people type. `make` alone prints them.

.DEFAULT_GOAL := help
SHELL := /bin/bash -o pipefail
BIN := .venv/bin
PYTHON := $(BIN)/python
PROTOS := $(shell find proto -name '*.proto' 2>/dev/null)
export PYTHONPATH := $(CURDIR):$(CURDIR)/.gen:$(CURDIR)/services/identity:$(CURDIR)/services/destination:$(CURDIR)/services/tap:$(CURDIR)/services/proxy-injector:$(CURDIR)/services/web
SOURCES := weft kit proxy proto services cli sandbox deploy demo testkit tests bench bazel/pytest_main.py

.PHONY: help demo demo-down pictures test test-kubernetes conformance fuzz lint fmt types gen bench bench-tap bench-scale soak docs images release lock install clean setup

help: ## these words
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## the whole story on this host: sandbox, mesh, voting app, injection, numbers (ONCE=1 takes it down again)
	@$(PYTHON) -m deploy.demo $(if $(ONCE),--once)

demo-down: ## take down what `make demo` left
	@$(PYTHON) -m cli sandbox down

test: setup ## build everything and run every test (bazel test //...)
	@deploy/bazel test //...

test-kubernetes: setup ## the mesh on a real Kubernetes of one node, built and started here (or on $$KUBECONFIG)
	@deploy/test-kubernetes $(ARGS)

conformance: setup ## what the proxy is held to: run, counted, written to docs/reference
	@$(PYTHON) -m proxy.tests.conformance

fuzz: setup ## look for bytes that break a parser (TARGET=http1_server SECONDS=60)
	@$(PYTHON) -m proxy.tests.fuzz $(TARGET) --seconds $(or $(SECONDS),60)

lint: setup ## style and layers: ruff and the import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports

fmt: setup ## format the code
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

types: setup ## mypy, strict, tests included
	@$(BIN)/mypy $(SOURCES)

gen: setup ## generated gRPC code, for editors and mypy
	@deploy/setup --gen

bench: setup ## the proxy beside Envoy, in one run (ROUNDS=1 is quicker and says less)
	@$(PYTHON) -m bench $(if $(ROUNDS),--rounds=$(ROUNDS))

bench-tap: setup ## what a proxy pays for a hundred viewers of its requests
	@$(PYTHON) -m bench.tap

bench-scale: setup ## two hundred meshed pods on one real node: what they cost, docs/reference/scale.md (PODS=20 is quicker)
	@$(PYTHON) -m tests.kubernetes.scale $(PODS)

soak: setup ## a pair of proxies under mixed load for a quarter of an hour: memory and descriptors stay flat
	@$(PYTHON) -m bench.soak

docs: setup ## renew the generated reference pages, the Helm chart, and Prometheus' rules and Grafana's dashboards
	@$(PYTHON) -m deploy.docs
	@$(PYTHON) -m deploy.chart
	@$(PYTHON) -m deploy.prometheus

images: setup ## OCI images of every part, in .build/images
	@$(PYTHON) -m deploy.images

release: setup ## a folder to install from, in dist/: mesh, images, chart, what is inside them, checksums
	@deploy/bazel build //cli:mesh
	@$(PYTHON) -m deploy.images --compress --output .build/release-images
	@$(PYTHON) -m deploy.release --replace

install: setup ## the `mesh` command as one file, in /usr/local/bin
	@deploy/bazel build //cli:mesh && install -m 755 bazel-bin/cli/mesh /usr/local/bin/mesh

pictures: setup ## the dashboard's pictures in docs/images, taken anew while the demo's story runs
	@WEFT_PICTURES=$(CURDIR)/docs/images $(BIN)/pytest -p no:cacheprovider tests/browser/test_story.py

lock: setup ## pin requirements.in anew
	@deploy/lock

clean: ## remove what was built here
	rm -rf .venv .gen .build bazel-* bench/out .mypy_cache .ruff_cache .pytest_cache .hypothesis

setup:
	@deploy/setup
