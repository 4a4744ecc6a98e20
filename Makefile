# The one list of commands. `make help` shows it.

PYTHON ?= python3
PORT ?= 8443
URL ?=
IMAGE ?=
MANAGEMENT_PORT ?= 8080
FUZZ_SECONDS ?= 60
LOCK ?= requirements.txt
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TOOLS_READY := $(VENV)/.tools-ready
SERVE_READY := $(VENV)/.serve-ready
CERTS := .local/certs
# Looking at every line makes a test three times as slow: what reaches no branch that others do not is spared it.
UNMEASURED := $(patsubst %,tests/admission/test_%.py,properties ratchet said samples) \
	tests/inventory/test_confidential.py tests/inventory/test_memory.py
MEASURED := $(filter-out $(UNMEASURED),$(wildcard $(patsubst %,tests/%/test_*.py,admission domain inventory))) \
	tests/server/test_webhooks.py

.DEFAULT_GOAL := help

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "Python's venv module is needed (Debian: apt install python3-venv)" >&2; exit 1; }
	@echo "$(VENV): making an environment of $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# No resolver looks for anything: what a lock file names is installed, nothing else, and then it has to fit together.
# uv does in seconds what pip does in minutes. Where it cannot be installed or fails, pip does the same from the same file.
UV := $(BIN)/uv
UV_PIP := UV_SYSTEM_PYTHON=false VIRTUAL_ENV=$(VENV) $(UV) pip
PIP := $(BIN)/python -m pip --disable-pip-version-check
get_uv := { $(PIP) install --quiet --no-deps --require-hashes -r requirements-uv.txt && $(UV) --version; } >/dev/null 2>&1 \
	|| { $(PIP) uninstall --quiet --yes uv >/dev/null 2>&1; echo "uv cannot be installed here"; false; }
from_lock = $(1) install $(3) --no-deps --require-hashes -r $(2) \
	&& $(1) install $(3) --no-deps --no-build-isolation --editable . \
	&& $(1) check

define install
	@echo "$(VENV): installing what $(1) names"
	@if $(get_uv) && { $(call from_lock,$(UV_PIP),$(1)) || { echo "uv failed"; false; }; }; then :; else \
		echo "pip takes its place: this may take minutes"; \
		$(call from_lock,$(PIP),$(1),--no-compile) || { echo "failed, see above; make clean makes room for another try" >&2; exit 1; }; fi
	@touch $(2)
endef

$(SERVE_READY): requirements.txt pyproject.toml | $(VENV)/bin/python
	$(call install,requirements.txt,$@)

$(READY): requirements-dev.txt pyproject.toml | $(VENV)/bin/python
	$(call install,requirements-dev.txt,$@)

$(TOOLS_READY): requirements-tools.txt pyproject.toml | $(VENV)/bin/python
	$(call install,requirements-tools.txt,$@)

.PHONY: setup
setup: $(READY) ## set up .venv with everything for development

.PHONY: run
run: $(SERVE_READY) ## serve https://127.0.0.1:8443 with a local certificate (PORT=, MANAGEMENT_PORT=)
	@test -n "$$(find $(CERTS)/ca.crt $(CERTS)/tls.crt $(CERTS)/tls.key -mtime -300 2>/dev/null | sed -n 3p)" \
		|| $(BIN)/stash-certs issue --dir $(CERTS) --dns localhost --dns 127.0.0.1 --dns ::1
	@echo "try, from another terminal in this folder:"
	@echo
	@echo "  curl --cacert $(CERTS)/ca.crt -H 'Content-Type: application/json' \\"
	@echo "    --data-binary @manifests/samples/reviews/restorebatch.json https://127.0.0.1:$(PORT)/mutate"
	@echo
	@exec $(BIN)/stash-admission serve --port $(PORT) --management-port $(MANAGEMENT_PORT) --cert-dir $(CERTS)

.PHONY: test
test: coverage ## every test that needs no cluster
	@$(BIN)/pytest --numprocesses 2 $(MEASURED:%=--ignore=%)

.PHONY: coverage
coverage: $(READY) ## the tests of the decisions' code, which are to reach every branch of it
	@$(BIN)/pytest $(MEASURED) --cov --cov-report=term-missing --numprocesses 2

.PHONY: e2e
e2e: $(READY) ## the tests against a real API server, which the first run builds (5 minutes, needs Go)
	@$(BIN)/python -m testbed.control_plane.binaries >/dev/null
	@$(BIN)/pytest tests/e2e --numprocesses 2 --dist loadfile

.PHONY: helm
helm: $(READY) ## the tests of the chart with real Helm 3 and 4, which the first run builds (5 minutes, needs Go)
	@$(BIN)/python -m testbed.control_plane.binaries >/dev/null
	@$(BIN)/python -m testbed.helm.binaries >/dev/null
	@$(BIN)/pytest tests/helm --numprocesses 2

.PHONY: gitops
gitops: $(READY) ## the page on GitOps with Argo CD's library and real Helms, which the first run builds (6 minutes, needs Go)
	@$(BIN)/python -m testbed.control_plane.binaries >/dev/null
	@$(BIN)/python -m testbed.helm.binaries >/dev/null
	@$(BIN)/python -m testbed.gitops.binaries >/dev/null
	@$(BIN)/pytest tests/gitops

.PHONY: release
release: $(READY) ## make what is released in dist/, from the last commit (URL= of the repository, IMAGE= in install.yaml)
	@$(BIN)/python -m tools.release --url "$(URL)" --image "$(IMAGE)"

.PHONY: release-check
release-check: $(READY) ## the tests of what is released with the programs of its users, which the first run builds (5 minutes, needs Go)
	@$(BIN)/python -m testbed.release.binaries >/dev/null
	@$(BIN)/pytest tests/release

.PHONY: proof
proof: $(READY) ## failed calls, hostile connections, memory: writes docs/proof.md (40 minutes, goes on after an interruption, needs haproxy)
	@$(BIN)/python -m proof

.PHONY: node node-down
node: $(READY) ## the tests on two real nodes, into docs/node.md (a quarter of an hour, the first time one more; root, Linux, Go)
	@$(BIN)/python -m tests.node

node-down: $(READY) ## remove what a crash of `make node` has left
	@$(BIN)/python -m tests.node down

.PHONY: lint
lint: $(READY) ## format, lint, types, import direction
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: format
format: $(READY) ## write the format and what lint can mend
	@$(BIN)/ruff check --fix --quiet . >/dev/null || true
	@$(BIN)/ruff format --quiet .

.PHONY: generate
generate: $(READY) ## write what is derived from the code: samples, CRDs, parts of README and docs
	@$(BIN)/python -m tools.generate

.PHONY: verify
verify: $(READY) ## fail if something generated is out of date
	@$(BIN)/python -m tools.generate --check

.PHONY: bench bench-check
bench: $(TOOLS_READY) ## speeds beside Go, kopf and others, into docs/benchmarks.md (20 minutes, Linux, two cores, Go)
	@$(BIN)/python -m testbed.control_plane.binaries >/dev/null
	@$(BIN)/python -m bench

bench-check: $(TOOLS_READY) ## measure the ratios again, and say which are worse than those stored (5 minutes)
	@$(BIN)/python -m testbed.control_plane.binaries >/dev/null
	@$(BIN)/python -m bench --check

.PHONY: mutants
mutants: $(READY) ## change the decisions' code everywhere, and see that tests fail (half an hour)
	@$(BIN)/mutmut run

.PHONY: fuzz
fuzz: $(TOOLS_READY) ## try odd reviews and odd files, each for a minute (FUZZ_SECONDS=; Linux on x86-64)
	@for target in request yaml; do \
		$(BIN)/python -m fuzz $$target -max_total_time=$(FUZZ_SECONDS) -verbosity=0 || exit 1; done

.PHONY: image-check
image-check: $(READY) ## build the image's file system on this machine, and start it as a container would be (root, Linux)
	@$(BIN)/pytest tests/e2e/test_image.py -v

.PHONY: sbom
sbom: $(READY) ## write what the image holds to .local/sbom.json, in CycloneDX (LOCK=requirements-traces.txt)
	@$(BIN)/python -m image.sbom .local/sbom.json $(LOCK)

.PHONY: audit-dependencies
audit-dependencies: $(TOOLS_READY) ## look for known vulnerabilities of what is locked (asks an advisory service)
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements-traces.txt

.PHONY: lock
lock: | $(VENV)/bin/python ## lock the dependencies of pyproject.toml with hashes (UPGRADE=--upgrade: newer versions)
	@$(get_uv)
	@lock() { file=$$1; shift; $(UV) pip compile --quiet --universal --no-header --no-annotate --no-emit-index-url \
			--no-emit-find-links $(UPGRADE) "$$@" --output-file $$file; }; \
		lock_hashes() { lock "$$@" --generate-hashes --no-strip-extras --only-binary :all: --emit-build-options; }; \
		set -e; \
		lock_hashes requirements.txt pyproject.toml --group build; \
		lock_hashes requirements-traces.txt pyproject.toml --group build --extra traces; \
		lock_hashes requirements-dev.txt pyproject.toml --group build --extra traces --group dev; \
		lock_hashes requirements-tools.txt pyproject.toml --group build --extra traces --group dev --group tools; \
		lock_hashes requirements-uv.txt --group uv; \
		lock constraints.txt pyproject.toml --constraint requirements.txt

.PHONY: clean
clean: ## remove what was set up
	@rm -rf $(VENV) .local dist
