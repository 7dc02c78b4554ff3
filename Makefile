# `make demo` runs the main job on real photographs; `make test` runs every test. Both make .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Where published images and reals lie, for `make figures` alone.
DATA ?= ../shared/data

.PHONY: demo test lint docs figures clean

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

# Every picture of the documentation that comes from a run: half an hour, and Chromium for one of them.
figures: $(VENV)/test
	rm -rf build/figures && mkdir -p build/figures
	$(BIN)/manifpt demo --out build/figures/demo
	$(BIN)/python benchmarks/report_picture.py build/figures/demo/report.html
	$(BIN)/python benchmarks/artifact_figures.py --data $(DATA) --export build/figures
	$(BIN)/python benchmarks/design_prediction.py --data $(DATA) --figure docs/images/structure-choice-effects.png \
		--export build/figures/choice-effects.npz
	MANIFPT_WEIGHTS=$(DATA)/weights $(BIN)/manifpt structure $(DATA)/gm-cifar10-wild \
		--reference $(DATA)/reals/cifar10-train --method spectrum,paper-sl-cifar --out build/figures/structure
	cp build/figures/structure/dendrogram-spectrum.png docs/figures/structure-dendrogram-spectrum.png
	cp build/figures/structure/map-paper-sl-cifar.png docs/figures/structure-map-paper-sl-cifar.png
	$(BIN)/python benchmarks/results.py

clean:
	rm -rf $(VENV) demo site build dist
