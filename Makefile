# `make` lists what there is. Every target sets up .venv first, with the versions in constraints.txt.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTHON ?= $(BIN)/python
ARGS ?=
ONLY ?= *

.DEFAULT_GOAL := help
.PHONY: help demo test long fuzz lint format bench cuda scenes clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## Recover a camera from a picture, and say where the pictures of it are
	$(BIN)/invrender fit experiment=camera_pose $(ARGS)
	@echo "pictures: $$(ls -d -t outputs/fit/*/ | head -n 1)"

test: $(READY) ## Run the tests; make test ARGS='-k camera' runs some
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

long: $(READY) ## Run the tests that take many minutes
	$(BIN)/python -m pytest -m long $(ARGS)

fuzz: $(READY) ## Look for an hour for files and words that break it; make fuzz ARGS='--minutes 5 --kinds mesh'
	PYTHONPATH=tests $(BIN)/python -m fuzz $(ARGS)

lint: $(READY) ## Check format, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY) ## Format the code and sort its imports
	$(BIN)/ruff check --select I --fix .
	$(BIN)/ruff format .

bench: $(READY) ## Measure speed and memory against peers; make bench ONLY=render ARGS='--threads 1' is one script
	@for script in benchmarks/bench_$(ONLY).py; do $(BIN)/python "$$script" $(ARGS) || exit; done

cuda: ## Run all that a graphics card has to show, in eight minutes; without a network, with PYTHON=python3
	$(PYTHON) benchmarks/on_cuda.py $(ARGS)

scenes: $(READY) ## Make the shipped scenes' meshes and textures anew
	$(BIN)/python scenes/make_scenes.py

clean: ## Remove caches and built packages; outputs/ and .venv stay
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# PIP_CONSTRAINT and PIP_BUILD_CONSTRAINT, unlike -c, also pin what packages are built with.
$(READY): pyproject.toml constraints.txt
	@set -e; \
	if ! $(BIN)/python -c '' 2> /dev/null; then \
	  for python in python3.11 python3 python3.13 python3.12 none; do \
	    $$python -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2> /dev/null && break; \
	  done; \
	  if [ $$python = none ]; then \
	    echo "make: no Python 3.11, 3.12 or 3.13 with venv on the PATH (Debian: apt install python3 python3-venv)" >&2; exit 1; \
	  fi; \
	  echo "setting up $(VENV) with $$($$python --version)"; \
	  $$python -m venv --clear $(VENV); \
	fi
	@PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
