# `make demo` runs the main job, `make test` the tests; both make the environment they need, once.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
OUT    ?= runs/demo
BASELINES := imagenet-finetune scratch adabn

.PHONY: help demo test test-slow fuzz bench lint types board readme docs-tables package submissions clean
.DELETE_ON_ERROR:

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The stamp is newer than pyproject.toml exactly when the environment holds what it declares.
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "medshift needs Python 3.11 or newer, $(PYTHON) is older: set PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

# short: the middle severity of each shift, and a quarter of the standard training; the committed board is the whole
demo: $(VENV)/.installed  ## the main job: train three baselines, test them under shift, write a leaderboard
	for name in $(BASELINES); do $(BIN)/medshift run --baseline $$name --severities 3 --budget short --out $(OUT) || exit 1; done
	$(BIN)/medshift leaderboard $(OUT) --out $(OUT)/site

# file by file, so that what a file makes for its tests is made once; in order, so that the last ones are short
test: $(VENV)/.installed  ## the tests, about ten minutes on two cores
	$(BIN)/python -m pytest -q -m "not slow" --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

test-slow: $(VENV)/.installed  ## the tests that take minutes each
	$(BIN)/python -m pytest -q -m slow

# SECONDS of each target; what is found is kept under tests/fuzz/corpus, where `make test` replays it
SECONDS ?= 60
fuzz: $(VENV)/.installed  ## change files of every kind at random and read them, for as long as wanted: SECONDS=600
	MEDSHIFT_FUZZ_SECONDS=$(SECONDS) $(BIN)/python -m pytest -q tests/fuzz

bench: $(VENV)/.installed  ## measure the speed of shifts and write docs/performance.md
	mkdir -p build && rm -f build/bench-*.json
	for pass in 1 2 3; do $(BIN)/python -m pytest -q tests/performance/bench_shifts.py \
	  --benchmark-enable --benchmark-json=build/bench-$$pass.json || exit 1; done
	$(BIN)/python tests/performance/report.py build/bench-?.json > docs/performance.md

lint: types $(VENV)/.installed  ## style, direction of imports, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy -p medshift.shifts -p medshift.benchmark -p medshift.baselines -p medshift.leaderboard

# mypy must see the four folders under their installed names
types:
	mkdir -p build/types && ln -sfn ../.. build/types/medshift

# the leaderboard's page from the committed submissions
board: $(VENV)/.installed  ## the committed leaderboard's page, into build/site
	$(BIN)/medshift leaderboard leaderboard/submissions --out build/site

readme: $(VENV)/.installed  ## the same, and its table into README.md
	$(BIN)/medshift leaderboard leaderboard/submissions --out build/site --readme README.md

# the tables in docs/ that are generated from the code; tests compare them
docs-tables: $(VENV)/.installed  ## write the generated tables of docs/
	$(BIN)/medshift list baselines --into docs/baselines.md
	$(BIN)/medshift shifts table --into docs/shifts.md
	$(BIN)/python -m medshift.benchmark.cli.tables.datasets docs/datasets.md

# Built, checked, and installed where nothing else is; the wheel's contents are held by a test, too. What builds it has an
# environment of its own: the one for development is neither needed nor changed.
package:  ## build wheel and sdist into build/dist and try them in a clean environment
	rm -rf build/dist build/clean build/tools build/lib
	$(PYTHON) -m venv build/tools
	build/tools/bin/python -m pip install --quiet build twine
	build/tools/bin/python -m build --outdir build/dist .
	build/tools/bin/python -m twine check --strict build/dist/*
	$(PYTHON) -m venv build/clean
	build/clean/bin/python -m pip install --quiet build/dist/*.whl
	cd build && clean/bin/medshift --version && clean/bin/medshift list baselines > /dev/null && clean/bin/medshift doctor

# The submissions of a board: on a CPU, one thread gives the same bytes on any core count of the same kind of processor.
# Runs that are done are left out, and those that were stopped resume. The committed ones are of an older recipe and rest
# on version 1 of the simulated data: their folder takes no runs on version 2.
BOARD := imagenet-finetune random-init scratch cbr-tiny cbr-tiny-wide linear-probe lp-ft acquisition-augment adabn tent \
  joint-norm coral mmd dann mcc ssl-target
submissions: $(VENV)/.installed  ## make entries of the present recipe, in runs/board (hours)
	for name in $(BOARD); do \
	  $(BIN)/medshift run --baseline $$name --seeds 3 --threads 1 --device cpu --out runs/board || exit 1; done

clean:  ## remove what was built and run
	rm -rf build runs
