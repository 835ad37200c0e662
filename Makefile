# Every target does its own set-up on a machine with Python 3.11+, git and make, and is quick the second time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEV_INSTALLED := $(VENV)/.dev-installed
DEMO := .data/demo
PYTEST_ARGS ?=
WORKERS ?= 0
JS := tests/js
JS_FILES := seq2exp/ui/tracks/static/*.js $(JS)/*.js
JS_BIN := $(JS)/node_modules/.bin
JS_INSTALLED := $(JS)/node_modules/.installed
PRETTIER := $(JS_BIN)/prettier --print-width 120 --log-level warn

.PHONY: app data test test-slow js js-check check format bench clean help

help:
	@echo "make app        open the explorer on the synthetic data set demo (made once, some seconds)"
	@echo "make test       run the tests (WORKERS=2: in two processes)"
	@echo "make js         lint and tests of the track component's JavaScript"
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
	$(BIN)/python -m seq2exp app --dataset $(DEMO)/manifest.yaml

test: $(DEV_INSTALLED)
	$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

test-slow: $(DEV_INSTALLED)
	$(BIN)/python -m pytest -m slow $(PYTEST_ARGS)

$(JS_INSTALLED): $(JS)/package-lock.json
	npm ci --prefix $(JS) --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

js: $(JS_INSTALLED)
	$(PRETTIER) --check $(JS_FILES)
	$(JS_BIN)/eslint --config $(JS)/eslint.config.js $(JS_FILES)
	node --test --test-reporter=tap $(JS)/*.test.js > $(JS)/node_modules/.log || (cat $(JS)/node_modules/.log; exit 1)
	@grep '^# pass' $(JS)/node_modules/.log

# JavaScript is a part of the check wherever its tools are; Python alone must not need them
js-check:
	@if command -v node >/dev/null && command -v npm >/dev/null; then $(MAKE) js; \
	else echo "NOT CHECKED: node or npm is not installed, so the track component's JavaScript is not looked at"; fi

check: $(DEV_INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) js-check
	$(MAKE) test

format: $(DEV_INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	@if [ -e $(JS_INSTALLED) ]; then $(PRETTIER) --write $(JS_FILES); fi

bench: $(DEV_INSTALLED)
	$(BIN)/python tests/bench/bench_engine.py

clean:
	rm -rf $(VENV) $(JS)/node_modules .data .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
