# `make demo` runs the main job on real photographs; `make test` runs every test. Both make .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint docs clean

$(VENV)/demo: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/test: $(VENV)/demo
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test,lint,docs,zoo,ray]'
	touch $@

demo: $(VENV)/demo
	$(BIN)/manifpt demo --out demo

test: $(VENV)/test
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest --numprocesses auto --dist worksteal

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/test
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) demo site build dist
