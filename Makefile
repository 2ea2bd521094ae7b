# `make` alone lists what can be done. Everything is installed into .venv, nothing elsewhere; only
# `make test` may install PostgreSQL and Chromium from Debian, where they are missing and it may.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
# Tests, demo and benchmarks start hundreds of programs; each would compile all its modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

.PHONY: setup
setup: ## set up .venv with all that agent, central and the demo need
	@bash packaging/setup/setup.sh run

.PHONY: setup-dev
setup-dev: ## set up .venv with what the tests and checks need, too
	@bash packaging/setup/setup.sh dev

.PHONY: demo
demo: setup ## a shop's day in a minute: scan, sale, network gone, kill -9, all accounted for
	@$(BIN)/tessera demo

.PHONY: demo-live
demo-live: setup ## the same shop, staying up for your own scans (READER=/dev/ttyACM0 for a real one)
	@$(BIN)/tessera demo --live $(if $(READER),--reader $(READER))

.PHONY: test
test: setup-dev ## run the tests (ARGS='-k words' chooses)
	@bash packaging/setup/test_packages.sh
	@$(PYTEST) -n auto --dist loadfile --no-loadscope-reorder --durations 25 --durations-min 5 $(ARGS)

.PHONY: test-faults
test-faults: setup-dev ## the long fault tests: hundreds of kills, lost and repeated replies
	@bash packaging/setup/test_packages.sh
	@$(PYTEST) tests/faults -m "soak or not soak" --timeout 3600 $(ARGS)
	@$(PYTEST) tests/store/central -m soak -n auto --dist loadfile

.PHONY: check
check: setup-dev ## lint, format, types, import contracts, documentation
	@bash packaging/setup/check.sh

# What can price wrongly is tested in every branch.
PURE := tessera.core tessera.rules tessera.devices.events tessera.devices.framing \
  tessera.devices.keystrokes tessera.devices.profiles tessera.sync.wire tessera.sync.feed_wire \
  tessera.sync.batching tessera.sync.signing
TAKEN_MIN := 97
.PHONY: coverage
coverage: setup-dev ## show which branches of the pure parts no test takes (97 % must be)
	@$(PYTEST) -q tests/unit $(ARGS) $(addprefix --cov=,$(PURE)) --cov-branch \
	  --cov-report=term-missing --cov-fail-under=$(TAKEN_MIN)

.PHONY: mutation
mutation: setup-dev ## plant faults into the rules and count those that the tests notice (ARGS=...)
	@nice -n 15 $(BIN)/python -m tests.mutation $(ARGS)

.PHONY: format
format: setup-dev ## bring the code into shape
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format --quiet .

.PHONY: docs
docs: setup-dev ## write the tables of docs/ anew from the code
	@$(BIN)/python -m tests.house.settings_tables

.PHONY: bench
bench: setup-dev ## measure ours beside its floor and print the ratios (ONLY=name chooses)
	@bash packaging/setup/bench.sh $(ONLY)

.PHONY: lock
lock: setup ## choose the newest allowed versions and write the locks anew
	@bash packaging/setup/lock.sh
