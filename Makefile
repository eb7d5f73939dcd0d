# One command each. The virtual environment is .venv; everything is pinned in pyproject.toml and constraints.txt.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.installed
# Tests run in so many processes, each file of them in one; long files of few tests must not come last.
JOBS   ?= 2
# A process that dies ends the run: xdist would start another one in its place, and then wait for ever.
PYTEST := $(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder --max-worker-restart 0

.PHONY: up demo test test-kafka test-redpanda kafka-server servers soak soak-stripe check bench format clean help
help:
	@echo "make up     start everything in one process (Ctrl-C stops it; it goes on where it left off)"
	@echo "make demo   a shop, its visitors and a stand-in of Stripe on loopback; compares the books"
	@echo "make test   checks and tests          make check   linters, types and directions of imports"
	@echo "make test-kafka  tests over a real broker and database of their own"
	@echo "make test-redpanda  the same on the Redpanda of docker-compose.yml, where Docker is"
	@echo "make soak   the long faults (ARGS=--help tells its sizes); the short ones are in test-kafka"
	@echo "make soak-stripe  a year of Stripe by every way (ARGS=ways), and more: ARGS=--help"
	@echo "make servers  a Kafka and a PostgreSQL on loopback, to try the cluster on"
	@echo "make bench  figures, as ratios        make format  formats the code"

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; say which with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Creating $(VENV) and installing what is needed ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

up: $(READY)
	@$(BIN)/trackrev up $(ARGS)

demo: $(READY)
	@$(BIN)/python -m ops.demo $(ARGS)

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(READY) chromium promtool check
	$(PYTEST) $(ARGS)

# The cluster's tier: a real broker and a real database, of their own.
test-kafka: $(READY) kafka-server postgres-server
	$(PYTEST) -m "kafka or postgres" $(ARGS)

# The same on the Redpanda of docker-compose.yml, where Docker is.
test-redpanda: $(READY) kafka-server postgres-server
	@$(BIN)/python -m ops.redpanda
	TRACKREV_TEST_BROKER=redpanda $(PYTEST) -m kafka tests/eventlog/kafka $(ARGS)

# A real broker for tests and benchmarks: its jars, fetched by Maven where they are missing.
kafka-server: $(READY)
	@$(BIN)/python -m ops.kafka.jars || echo "the tests that need a real Kafka are skipped (they fail under CI=true)"

# By hand: some tens of minutes, then the auditor for as long again. The results are kept in ops/soak.md.
# With ARGS, which are those of tests.soak, the faults alone.
soak: $(READY) kafka-server postgres-server
	@$(BIN)/python -m tests.soak $(ARGS)
	$(if $(ARGS),,@$(BIN)/python -m tests.audit --histories 100000 --record)

# By hand: some tens of minutes, over the stand-in of Stripe. Its results are kept in ops/soak.md.
soak-stripe: $(READY)
	@$(BIN)/python -m tests.stripe_year $(ARGS)

# To try the cluster: a broker and a database on loopback, gone with Ctrl-C.
servers: $(READY) kafka-server postgres-server
	@$(BIN)/python -m ops.servers

bench: $(READY)
	@$(BIN)/python -m ops.bench $(ARGS)

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The tests of the pixel run in a real browser: Debian's, installed where that is allowed.
.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		{ echo "Installing chromium ..."; apt-get update -qq && apt-get install -y -qq chromium >/dev/null; }; } || \
		echo "chromium is not installed: the tests that need a browser are skipped (they fail under CI=true)"

# The rules of the alerts are tested by Prometheus's own tool.
.PHONY: promtool
promtool:
	@command -v promtool >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		{ echo "Installing prometheus for promtool ..."; apt-get update -qq && \
		apt-get install -y -qq --no-install-recommends prometheus >/dev/null; }; } || \
		echo "promtool is not installed: the test of the alerts is skipped (it fails under CI=true)"

# The tests of the cluster start a PostgreSQL of their own: Debian's, installed where that is allowed.
.PHONY: postgres-server
postgres-server:
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		{ echo "Installing postgresql ..."; apt-get update -qq && apt-get install -y -qq postgresql >/dev/null; }; } || \
		echo "postgresql is not installed: the tests that need it are skipped (they fail under CI=true)"
