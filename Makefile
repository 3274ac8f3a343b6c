# Everything lands in .venv and in ignored caches of this checkout; nothing is left outside.
# Needs Python 3.11 or later, make and git. Takes uv when it is there, else venv and pip.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null)
# A command may be on the path and still not start (version managers leave such shims): each is asked.
PY ?= $(shell for python in python3.11 python3 python3.12 python3.13 python3.14; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$python"; break; }; done)
WORKERS ?= 4 # chosen: on two cores; tests of processes wait most of their time, and two workers more fill it
TESTS ?=

.PHONY: env demo test hazards check interop soak fuzz faults captures format lock clean help

env: .venv/.stamp ## build .venv: modctl and everything it is developed with, pinned by hash

# Two steps, so that an edit of pyproject.toml does not build the environment anew.
.venv/.stamp: .venv/.pinned pyproject.toml
ifneq ($(UV),)
	@"$(UV)" pip install -q --python $(BIN)/python --no-deps --no-build-isolation --editable .
else
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation --editable .
endif
	@touch $@

# pip compiles nothing in advance: a module is compiled when it is first used, and most never are.
.venv/.pinned: requirements-dev.lock
	@[ -n "$(PY)" ] || { echo "modctl needs Python 3.11 or later, and none was found: make env PY=/path/to/python" >&2; exit 1; }
	@echo "building .venv, pinned by requirements-dev.lock (once)"
ifneq ($(UV),)
	@UV_PYTHON_DOWNLOADS=never "$(UV)" venv -q --clear --python "$$(command -v "$(PY)")" .venv
	@"$(UV)" pip sync -q --python $(BIN)/python --require-hashes requirements-dev.lock
else
	@"$(PY)" -m venv --clear .venv
	@$(BIN)/python -m pip install -q --no-compile --disable-pip-version-check --require-hashes -r requirements-dev.lock
endif
	@touch $@

demo: env ## simulators, controller and the table screen in a throw-away site
	@$(BIN)/modctl demo

test: env ## every test that CI runs (TESTS=path narrows, WORKERS=n)
	@$(BIN)/python -m pytest -q -n $(strip $(WORKERS)) --dist loadfile --no-loadscope-reorder $(TESTS)

hazards: env ## the hazard table: tests and knock-outs of each row, one line a row
	@$(BIN)/python -m tests.safety.report -n $(strip $(WORKERS)) --dist loadfile

check: env ## ruff, formatting, types, import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

interop: env ## only the tests against clients and servers that nobody here wrote
	@$(BIN)/python -m pytest -q -m interop $(TESTS)

soak: env ## the search for counter-examples: 10 minutes on two cores (SOAK_MINUTES=120 longer, SOAK_SEED=n again)
	@$(BIN)/python -m tests.soak

fuzz: .fuzz/.stamp ## the parsers under atheris (FUZZ_MINUTES=10, FUZZ_TARGETS=word); Linux on x86_64, Python 3.11 to 3.13
	@PYTHONPATH=.fuzz/packages $(BIN)/python -m tests.soak.fuzz_guided

# Beside .venv and not in it: large, and without wheels for other machines.
.fuzz/.stamp: tests/soak/fuzz.lock | env
ifneq ($(UV),)
	@"$(UV)" pip install -q --python $(BIN)/python --target .fuzz/packages --only-binary :all: --require-hashes -r $<
else
	@$(BIN)/python -m pip install -q --disable-pip-version-check --target .fuzz/packages --only-binary :all: --require-hashes -r $<
endif
	@touch $@

faults: env ## every fault on every model, with real processes: the table that people read (about ten minutes)
	@$(BIN)/python -m tests.process.fault_table

captures: env ## draw the screens of tui/captures and of README.md anew
	@$(BIN)/python -m tests.tui.captures

format: env ## rewrite the formatting and what ruff can mend by itself
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: env ## pin anew what pyproject.toml asks for (needs uv; writes no index and no address)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--group dev pyproject.toml -o requirements-dev.lock

clean: ## remove .venv, caches and build products
	rm -rf .venv .fuzz .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .coverage htmlcov build dist mutants
	find devices modctl protocols tests tui -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/make \1|\2/p' Makefile | column -t -s '|'
