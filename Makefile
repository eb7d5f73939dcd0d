# One command each. The virtual environment is .venv; everything is pinned in pyproject.toml and constraints.txt.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.installed

.PHONY: up demo test test-kafka kafka-server check bench format clean help
help:
	@echo "make up     start everything in one process (Ctrl-C stops it; it goes on where it left off)"
	@echo "make demo   a shop, its visitors and a stand-in of Stripe on loopback; compares the books"
	@echo "make test-kafka  the tests that need a real Kafka broker and PostgreSQL"
	@echo "make test   checks and tests          make check   linters, types and directions of imports"
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

test: $(READY) chromium check
	$(BIN)/python -m pytest -m "not kafka and not postgres" $(ARGS)

test-kafka: $(READY) kafka-server
	$(BIN)/python -m pytest -m "kafka or postgres" $(ARGS)

# A real broker for tests and benchmarks: its jars, fetched by Maven where they are missing.
kafka-server: $(READY)
	@$(BIN)/python -m ops.kafka.jars || echo "the tests that need a real Kafka are skipped (they fail under CI=true)"

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
