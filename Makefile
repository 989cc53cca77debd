# Everything a newcomer needs: make run, make test, make bench.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

# Each test server is a process of its own: without bytecode it would compile everything anew. What is never
# imported need not be compiled at all, so pip leaves that to the first import.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test bench fuzz drill lint clean

run: $(READY)  ## start the server and show what it does
	$(BIN)/gpserver serve --demo $(ARGS)

test: $(READY)  ## run every test; what a missing component would run is skipped with its reason
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

bench: $(READY)  ## measure the hot paths side by side
	$(BIN)/python -m tests.benchmarks $(ARGS)

fuzz: $(READY)  ## look for feature sets that break their reader; ARGS=600 is ten minutes
	$(BIN)/pip install --quiet --no-compile --editable '.[fuzz]'
	$(BIN)/python -m tests.fuzz $(ARGS)

drill: $(READY)  ## kill random parts under load and check every promise; ARGS=600 is ten minutes
	DRILL=$(or $(ARGS),60) $(if $(SEED),DRILL_SEED=$(SEED)) $(BIN)/python -m pytest -q tests/faults/test_drill.py

lint: $(READY)  ## the checks of style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "gpserver needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	@# The pip that came with Python may be years old, and take twice as long for all that follows.
	$(BIN)/pip install --quiet --no-compile --upgrade pip
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[test,lint]'
	@touch $@

clean:  ## forget the virtual environment and all results
	rm -rf .venv gpserver-data
