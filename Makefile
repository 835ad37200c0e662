# Every target does its own set-up on a machine with Python 3.11+, git and make, and is quick the second time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEV_INSTALLED := $(VENV)/.dev-installed
DEMO := .data/demo
PYTEST_ARGS ?=

.PHONY: app data test test-slow check format bench clean help

help:
	@echo "make app        open the explorer on the synthetic data set demo (made once, some seconds)"
	@echo "make test       run the tests"
	@echo "make check      format, lint, types, import contracts, tests"
	@echo "make test-slow  the long tests"
	@echo "make bench      measure the engine and write docs/benchmarks.md"

$(VENV)/bin/python:
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed, found ' + sys.version)"
	$(PYTHON) -m venv $(VENV)

# torch first and alone: later packages must meet the pinned version, not pull a newer one
$(INSTALLED): requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet "$$(grep '^torch==' requirements.txt)"
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

$(DEV_INSTALLED): requirements-dev.txt $(INSTALLED)
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	touch $@

$(DEMO)/manifest.yaml: | $(INSTALLED)
	$(BIN)/python -m seq2exp synthesize --preset demo --out $(DEMO)

data: $(DEMO)/manifest.yaml

app: $(INSTALLED) data
	$(BIN)/python -m streamlit run app.py -- --dataset $(DEMO)/manifest.yaml

test: $(DEV_INSTALLED)
	$(BIN)/python -m pytest -m "not slow" $(PYTEST_ARGS)

test-slow: $(DEV_INSTALLED)
	$(BIN)/python -m pytest -m slow $(PYTEST_ARGS)

check: $(DEV_INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

format: $(DEV_INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(DEV_INSTALLED)
	$(BIN)/python tests/bench/bench_engine.py

clean:
	rm -rf $(VENV) .data .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
