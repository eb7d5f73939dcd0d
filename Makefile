# One command each. The virtual environment is .venv; everything is pinned in pyproject.toml and constraints.txt.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.installed
# Tests run in so many processes, each file of them in one; long files of few tests must not come last.
JOBS   ?= 2
# A process that dies ends the run: xdist would start another one in its place, and then wait for ever.
PYTEST := $(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder --max-worker-restart 0

.DEFAULT_GOAL := help
.PHONY: help install up demo check test test-kafka test-redpanda soak soak-stripe bench servers format clean \
	kafka-server chromium promtool postgres-server

# Each target has a line of its own here: what stands behind its ##.
help: ## show this list
	@echo "make TARGET [ARGS=\"...\"]"
	@awk -F ':.*## ' '/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Use it
install: $(READY) ## make the virtual environment .venv and install the program into it

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; say which with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Making $(VENV) and installing what is needed into it: once, a minute or so, some 300 MB ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python ops/install.py --constraint constraints.txt --editable '.[dev]'
	@touch $@

up: $(READY) ## start everything in one process (Ctrl-C stops it; the next start goes on from there)
	@$(BIN)/trackrev up $(ARGS)

demo: $(READY) ## ten days of a made-up shop with a stand-in for Stripe; compares the two books to the cent
	@$(BIN)/python -m ops.demo $(ARGS)

servers: $(READY) kafka-server postgres-server ## a Kafka and a PostgreSQL on this machine, to try the cluster on (Ctrl-C removes both)
	@$(BIN)/python -m ops.servers

##@ Work on it
check: $(READY) ## formatting, linters, types and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(READY) chromium promtool check ## check, then the tests
	$(PYTEST) $(ARGS)

test-kafka: $(READY) kafka-server postgres-server ## the tests that need a real Kafka and a real PostgreSQL; it starts both
	$(PYTEST) -m "kafka or postgres" $(ARGS)

test-redpanda: $(READY) kafka-server postgres-server ## the Kafka tests on the Redpanda of docker-compose.yml; needs Docker
	@$(BIN)/python -m ops.redpanda
	TRACKREV_TEST_BROKER=redpanda $(PYTEST) -m kafka tests/eventlog/kafka $(ARGS)

# By hand: some tens of minutes, then the auditor for as long again. The results are kept in ops/soak.md.
# With ARGS, which are those of tests.soak, the faults alone.
soak: $(READY) kafka-server postgres-server ## about an hour of faults, compared with a run without any (ARGS=--help for shorter ones)
	@$(BIN)/python -m tests.soak $(ARGS)
	$(if $(ARGS),,@$(BIN)/python -m tests.audit --histories 100000 --record)

# By hand: some tens of minutes, over the stand-in of Stripe. Its results are kept in ops/soak.md.
soak-stripe: $(READY) ## a year of made-up Stripe data by webhook, polling and backfill (ARGS=--help)
	@$(BIN)/python -m tests.stripe_year $(ARGS)

bench: $(READY) ## measure speed (ARGS=--help for what can be measured)
	@$(BIN)/python -m ops.bench $(ARGS)

format: $(READY) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## remove the virtual environment and all caches
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

##@ What the others install when it is missing
kafka-server: $(READY) ## fetch the broker for tests and benchmarks, with Maven
	@$(BIN)/python -m ops.kafka.jars || echo "the tests that need a real Kafka are skipped (they fail under CI=true)"

chromium: ## install the browser for the tests of p.js (Debian, as root)
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		{ echo "Installing chromium ..."; apt-get update -qq && apt-get install -y -qq chromium >/dev/null; }; } || \
		echo "chromium is not installed: the tests that need a browser are skipped (they fail under CI=true)"

promtool: ## install the tool that tests the alerts (Debian, as root)
	@command -v promtool >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		{ echo "Installing prometheus for promtool ..."; apt-get update -qq && \
		apt-get install -y -qq --no-install-recommends prometheus >/dev/null; }; } || \
		echo "promtool is not installed: the test of the alerts is skipped (it fails under CI=true)"

postgres-server: ## install PostgreSQL for the tests (Debian, as root)
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		{ echo "Installing postgresql ..."; apt-get update -qq && apt-get install -y -qq postgresql >/dev/null; }; } || \
		echo "postgresql is not installed: the tests that need it are skipped (they fail under CI=true)"
