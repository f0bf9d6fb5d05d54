# The two commands of the README are `make demo` and `make test`; both make their own environment in .venv.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test fast lint bench clean

help:
	@echo "make demo   set up, fetch the sample scans, ingest, pre-train, evaluate, show the result"
	@echo "make test   set up, run every check that CI runs"
	@echo "make fast   only the fast tests"
	@echo "make lint   ruff, mypy"
	@echo "make bench  the benchmarks (minutes; nothing else should run)"

# pip sees the pinned torch first, so that it takes that build and not the newest CUDA one.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt "torch==$$(sed -n 's/^torch==//p' constraints.txt)"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fast: $(STAMP)
	$(BIN)/python -m pytest -m "not slow"

test: lint
	$(BIN)/python -m pytest

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache
