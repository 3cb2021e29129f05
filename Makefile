# make demo       a real search on cart-pole swing-up, its champion, its pictures
# make test       everything the tests need, and the tests: five minutes on two cores
# make test-slow  the tests that take longer: real clusters, properties on many more examples
# make check      style, format, types
# make docs       docs/settings.md, from the types of the settings
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Each file of tests stays in one process, whose fixtures it shares.
PARALLEL := --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: demo test test-slow check docs format bench clean

demo: $(VENV)/.core
	@run=results/runs/demo-$$(date +%Y%m%d-%H%M%S) && \
	$(BIN)/wann search configs/swingup.toml --run $$run && \
	$(BIN)/wann evaluate $$run --condition all

test: $(VENV)/.dev
	$(BIN)/pytest $(PARALLEL)

test-slow: $(VENV)/.dev
	$(BIN)/pytest $(PARALLEL) -m "slow or hypothesis" --hypothesis-profile thorough

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.dev
	$(BIN)/wann settings --markdown > docs/settings.md

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev
	$(BIN)/wann bench

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@ $(VENV)/.core

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
