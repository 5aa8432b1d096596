# Needs Python >= 3.11 (with venv), make and git; everything else is fetched into .venv or built once.

PORT ?= 8080
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip --disable-pip-version-check install --quiet
INSTALL_THIS := $(PIP_INSTALL) --no-deps --no-build-isolation --editable .

# One worker more than there are processors: tests wait for processes, too.
WORKERS ?= $(shell n=$$(nproc); echo $$(( n < 4 ? n + 1 : 4 )))
PYTEST := $(BIN)/python -m pytest -q --numprocesses $(WORKERS) --dist loadgroup

# Tests start hundreds of processes, each of which would compile the code anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run test fuzz lint fmt typecheck schemas docs control-plane helm checkers chart programs bench soak java-clients lock clean check-format check-imports check-schemas images e2e e2e-kind

help: ## Print this
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PYTHON=... picks the interpreter of $(VENV), PORT=... the port of \`make run\` ($(PORT)),"
	@echo "  ARGS=... goes to pytest (make test ARGS='-k filter') and to the benchmarks"

setup: $(VENV)/.dev ## Install everything that development needs into .venv

run: $(VENV)/.run ## Start the quick start: a server in local mode and a provider's sync against it
	@exec $(BIN)/scim-operator quickstart --port $(PORT)

test: lint check-format typecheck check-schemas control-plane helm checkers programs ## Run every check and every test
	$(PYTEST) $(ARGS)

fuzz: $(VENV)/.dev ## Run the tests with made-up examples on twenty times as many
	FUZZ=20 $(PYTEST) -m hypothesis $(ARGS)

lint: check-imports ## Look for mistakes (ruff) and for imports against the layers (import-linter)
	$(BIN)/ruff check

fmt: $(VENV)/.dev ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

typecheck: $(VENV)/.dev ## Check types (mypy, strict)
	$(BIN)/mypy

chart: $(VENV)/.dev helm ## Write the generated files of the chart: schema, table of values, definitions, RBAC, renders
	$(BIN)/python -m tests.chart.generate

schemas: $(VENV)/.dev ## Write the generated files: JSON Schema of the server's configuration, OpenAPI, reference pages
	$(BIN)/python -m scim_server.config.schema
	$(BIN)/scim-server openapi > docs/reference/openapi.json
	$(BIN)/scim-server openapi --management > docs/reference/management.openapi.json
	$(BIN)/python -m documentation

docs: $(VENV)/.dev ## Build the documentation's site into site/
	$(BIN)/zensical build --strict --clean

control-plane: $(VENV)/.dev ## Build etcd, kube-apiserver and kubectl for the tests, once per user
	$(BIN)/python -m tests.control_plane.build

helm: $(VENV)/.dev ## Build Helm for the tests, and fetch definitions that charts refer to, once per user
	$(BIN)/python -m tests.helm.build
	$(BIN)/python -m tests.chart.definitions.build

checkers: $(VENV)/.dev ## Build actionlint, Argo CD's Lua and an example in Go, and fetch definitions of other projects, once per user
	$(BIN)/python -m tests.checkers.build
	$(BIN)/python -m tests.examples.definitions.build

programs: $(VENV)/.dev ## Install the tests' programs of Debian where they are missing (as root, with apt-get)
	$(BIN)/python -m tests.support.debian

bench: $(VENV)/.dev ## Run the benchmarks
	$(BIN)/python -m benchmarks $(ARGS)

soak: $(VENV)/.dev control-plane ## Run the attacks and loads of soak/, which take minutes each
	$(BIN)/python -m pytest -q soak $(ARGS)

images: ## Build both images, localhost/scim-server:dev and localhost/scim-operator:dev, and print their sizes
	tools/images

e2e: $(VENV)/.dev ## Run the chart on a real node that is made here: as root on Debian 12 (about 10 minutes; builds once)
	tests/cluster/e2e.sh

e2e-kind: $(VENV)/.dev ## Run the same tests on a cluster of kind, where Docker is
	tests/cluster/e2e-kind.sh

java-clients: $(VENV)/.dev ## Run Java's SCIM clients against a server (needs Java 17 and Maven, which fetches them)
	$(BIN)/python -m interop

lock: $(VENV)/.dev ## Choose versions anew: requirements/*.txt from pyproject.toml
	@test -x $(BIN)/uv || $(PIP_INSTALL) uv
	tools/lock $(BIN)/uv

clean: ## Remove what these targets made here: .venv, caches, the quick start's data
	rm -rf $(VENV) .local dist site .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

check-format: $(VENV)/.dev
	$(BIN)/ruff format --check

check-imports: $(VENV)/.dev
	$(BIN)/lint-imports --no-logo

check-schemas: $(VENV)/.dev
	$(BIN)/python -m scim_server.config.schema --check
	$(BIN)/python -m documentation --check
	@$(BIN)/scim-server openapi | cmp -s - docs/reference/openapi.json || \
	  { echo "docs/reference/openapi.json is out of date: run \`make schemas\`" >&2; exit 1; }
	@$(BIN)/scim-server openapi --management | cmp -s - docs/reference/management.openapi.json || \
	  { echo "docs/reference/management.openapi.json is out of date: run \`make schemas\`" >&2; exit 1; }

$(VENV)/pyvenv.cfg:
	@python=$$(tools/find-python $(PYTHON)) && echo "Making $(VENV) with $$python" && "$$python" -m venv $(VENV)

# What runs: quick to install. Development has all of it in the same versions.
$(VENV)/.run: requirements/run.txt pyproject.toml | $(VENV)/pyvenv.cfg
	@echo "Installing what the programs need, from PyPI (about a minute the first time)"
	@$(PIP_INSTALL) --require-hashes --no-deps -r requirements/run.txt
	@$(INSTALL_THIS)
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(VENV)/pyvenv.cfg
	@echo "Installing what development needs (a minute or two the first time)"
	@$(PIP_INSTALL) --require-hashes --no-deps -r requirements/dev.txt
	@$(INSTALL_THIS)
	@touch $@ $(VENV)/.run
