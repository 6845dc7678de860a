# Each target sets up what it needs: a virtual environment of Python 3.11 or newer, from the pinned requirement files.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
WORKERS ?= 4
.DEFAULT_GOAL := help

.PHONY: help run connectors test check lock clean demo-data loadtest loadtest-compare peers peers-setup

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it with make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Making a virtual environment with $(PYTHON)"
	@$(PYTHON) -m venv .venv

.venv/.run: requirements/run.txt | .venv/bin/python
	@echo "Installing the server's dependencies"
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/.dev: requirements/dev.txt | .venv/bin/python
	@echo "Installing the dependencies of the checks and tests"
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --require-hashes -r $<
	@touch $@ .venv/.run

run: .venv/.run ## run the server, with demo data on an empty database
	@$(BIN)/python -m app seed --if-empty
	@$(BIN)/python -m app serve

check: .venv/.dev ## lint, types, layers, dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --cache-dir .cache/import-linter
	$(BIN)/deptry .
	$(BIN)/mypy .

.venv/.loadtests: requirements/loadtests.txt | .venv/bin/python
	@echo "Installing the dependencies of the load tests"
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --require-hashes -r $<
	@touch $@ .venv/.run

loadtest: .venv/.loadtests ## run all load tests in short, or SCENARIO=baseline; SHORT=1 DURATION= RATE= USERS= HOST=
	@$(BIN)/python -m loadtests.run $(SCENARIO) $(if $(SHORT),--short) $(if $(DURATION),--duration $(DURATION)) \
		$(if $(RATE),--rate $(RATE)) $(if $(USERS),--users $(USERS)) $(if $(HOST),--host $(HOST))

loadtest-compare: .venv/.loadtests ## compare two reports of load tests: A=folder B=folder
	@$(BIN)/python -m loadtests.compare $(A) $(B)

peers: .venv/.loadtests ## measure other GraphQL servers beside this one: SCALE=small|full ROUNDS= ONLY= THROUGHPUT=1
	@$(BIN)/python -m loadtests.peers --scale $(or $(SCALE),small) $(if $(ROUNDS),--rounds $(ROUNDS)) \
		$(if $(ONLY),--only $(ONLY)) $(if $(THROUGHPUT),--throughput)

peers-setup: .venv/.loadtests ## install the servers of Node that `make peers` measures
	@$(BIN)/python -m loadtests.peers setup

connectors: .venv/.run ## install the libraries of all vendors, which connectors need
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --require-hashes -r requirements/connectors.txt

test: check ## all checks and all tests; what fails beside others is repeated alone
	$(BIN)/python -m tests.repeating -n $(WORKERS) --dist loadgroup --no-loadscope-reorder

lock: .venv/bin/python ## pin the dependencies anew
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.9"
	$(call compile,run,)
	$(call compile,connectors,--extra connectors)
	$(call compile,loadtests,--extra loadtests)
	$(call compile,dev,--extra connectors --extra loadtests --extra dev)
	$(call compile,demo,--extra connectors --extra loadtests --extra dev --extra demo)
	for file in requirements/emulators/*.in; do \
		case $$file in *local_bigquery.in) python=3.13;; *) python=3.11;; esac; \
		$(BIN)/uv pip compile $$file $(subst 3.11,$$python,$(compiled)) -o $${file%.in}.txt; done

compile = $(BIN)/uv pip compile pyproject.toml $(2) $(compiled) -o requirements/$(1).txt
compiled = --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command 'make lock' --quiet --upgrade

demo-data: requirements/demo.txt | .venv/bin/python ## train the demo's models again and record them
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --require-hashes -r $<
	$(BIN)/python -m ops.demo.record

clean: ## remove the environment and the caches; data in .maestro stays
	rm -rf .venv .cache .hypothesis reports
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
