# Everything a person does here, by name: `make help` lists it.
# A target sets up .venv by itself; it is redone when pyproject.toml or constraints.txt change.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

TYPESCRIPT := 5.9.3

.PHONY: help setup gallery readme-pictures ops test check lint types browser viewer-check bench bench-guard format clean
.DEFAULT_GOAL := help

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' Makefile

setup: $(READY)  ## make .venv and install everything into it

$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || \
		{ echo "$(PYTHON) is not there: name a Python of 3.11 or newer, as in make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is $$($(PYTHON) -V 2>&1), 3.11 or newer is needed: name one, as in make PYTHON=python3.11" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev,notebook]'
	@touch $(READY)

gallery: $(READY)  ## make the gallery, a site in build/gallery
	$(BIN)/python -m graphviz_autograd gallery

SHOWN := linreg_yhat rnn_unrolled wrong_function
readme-pictures: $(READY)  ## make the README's pictures, in docs/pictures
	CUDA_VISIBLE_DEVICES= $(BIN)/python -m graphviz_autograd gallery --force -o build/pictures $(SHOWN)
	@mkdir -p docs/pictures
	for name in $(SHOWN); do cp build/pictures/$$name/graph.svg docs/pictures/$$name.svg; done

ops: $(READY)  ## hold the engine against torch on torch's own database of operators
	$(BIN)/gva verify --ops
	$(BIN)/gva verify --ops --order 2

test: check browser  ## lint, types, then all tests
	$(BIN)/python -m pytest

check: lint types  ## lint and types

lint: $(READY)  ## ruff: the rules of the code, and its format
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check

# cli/ and gallery/ are parts of the package only where it is installed, so mypy reads a
# fresh installed copy. build/lib would carry deleted files into it.
types: $(READY)  ## mypy, strict, on an installed copy
	@rm -rf build/lib build/bdist.* build/typed
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --target build/typed .
	MYPYPATH=build/typed $(BIN)/python -m mypy -p graphviz_autograd

browser: $(READY)  ## find or install the Chromium that the viewer's tests drive
	@$(BIN)/python tests/viewer/chromium.py

viewer-check:  ## TypeScript over the viewer's JavaScript and its JSDoc types (needs Node)
	npx --yes --package typescript@$(TYPESCRIPT) tsc -p tests/viewer/jsconfig.json

# The peers have an environment of their own: what they need does not touch what the tests ran with.
PEERS := build/peers
$(PEERS)/.ready: pyproject.toml constraints.txt bench/peers.txt
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet -c constraints.txt -e '.[dev]' -r bench/peers.txt
	@touch $(PEERS)/.ready

bench: $(PEERS)/.ready  ## measure beside the peers, twenty minutes; QUICK=1: five
	$(PEERS)/bin/python -m bench $(if $(QUICK),--quick -o build/bench,--record)

bench-guard: $(READY)  ## is anything twice as dear as it was?
	$(BIN)/python -m bench --guard

format: $(READY)  ## ruff: put the code in order
	$(BIN)/python -m ruff check --fix
	$(BIN)/python -m ruff format

clean:  ## remove what these targets made, .venv too
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
