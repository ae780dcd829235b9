# Everything here sets up what it needs in .venv from Python 3.11+ and make alone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?=

.PHONY: demo test lint check bench clean

demo: $(READY)  ## the main job on the embedded sandbox: make demo ARGS="--headless --days 30 --seed 7 --json"
	@$(BIN)/leadsync demo $(ARGS)

# Three workers on two cores: many tests wait for a daemon or a CRM rather than compute.
test: $(READY)  ## the tests
	$(BIN)/python -m pytest -q -n 3 --dist worksteal $(ARGS)

lint: $(READY)  ## style, types, Dockerfile
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile

check: lint  ## what CI runs: all of it
	$(MAKE) test
	$(BIN)/python -m pytest -q tests/domain --cov=leadsync/domain --cov-branch --cov-fail-under=100 --cov-report=term-missing:skip-covered

bench: $(READY)  ## benchmarks beside their peers
	$(BIN)/python -m bench $(ARGS)

$(READY): requirements-dev.lock requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "leadsync needs Python 3.11 or later; say which: make PYTHON=python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "setting up $(VENV) ..." >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e . >&2
	@touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
