# `make demo` runs the main job, `make test` the tests; both make the environment they need, once.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
OUT    ?= runs/demo

.PHONY: help demo test test-slow fuzz bench lint types board readme findings docs docs-serve docs-tables docs-pictures package submissions clean
.DELETE_ON_ERROR:

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The stamp is newer than pyproject.toml exactly when the environment holds what it declares.
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "medshift needs Python 3.11 or newer, $(PYTHON) is older: set PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

# examples/demo.toml says what is run and what is left out; its runs go two at a time, which is faster than one on all cores
demo: $(VENV)/.installed  ## the main job in small: train, test under shift, rank; three to six minutes on two cores
	@echo 'medshift demo: four baselines on SIMULATED patients, which are made first'
	@$(BIN)/medshift sweep examples/demo.toml --workers 2 --out $(OUT)
	@$(BIN)/medshift leaderboard $(OUT) --out $(OUT)/site
	@sed -n '/^# Left out/,/^$$/s/^# \{0,1\}//p' examples/demo.toml

# file by file, so that what a file makes for its tests is made once; in order, so that the last ones are short
test: $(VENV)/.installed  ## the tests, eight to twenty minutes on two cores
	$(BIN)/python -m pytest -q -m "not slow" --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

test-slow: $(VENV)/.docs  ## the tests that take minutes each
	$(BIN)/python -m pytest -q -m slow

# SECONDS of each target; what is found is kept under tests/fuzz/corpus, where `make test` replays it
SECONDS ?= 60
fuzz: $(VENV)/.installed  ## change files of every kind at random and read them, for as long as wanted: SECONDS=600
	MEDSHIFT_FUZZ_SECONDS=$(SECONDS) $(BIN)/python -m pytest -q tests/fuzz

bench: $(VENV)/.installed  ## measure the speed of shifts and write docs/reference/performance.md
	mkdir -p build && rm -f build/bench-*.json
	for pass in 1 2 3; do $(BIN)/python -m pytest -q tests/performance/bench_shifts.py \
	  --benchmark-enable --benchmark-json=build/bench-$$pass.json || exit 1; done
	$(BIN)/python tests/performance/report.py build/bench-?.json > docs/reference/performance.md

lint: types $(VENV)/.installed  ## style, direction of imports, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy -p medshift.shifts -p medshift.benchmark -p medshift.baselines -p medshift.leaderboard

# mypy must see the four folders under their installed names
types:
	mkdir -p build/types && ln -sfn ../.. build/types/medshift

# The leaderboard's pages from the committed submissions, with the gallery of shifts. One refused submission must not keep
# the others from being published: what was refused is listed in build/refused.txt, by which CI fails afterwards.
# DOCS=docs/ makes them link to the documentation there, which CI puts beside them.
board: $(VENV)/.installed  ## the committed leaderboard's pages, into build/site
	$(BIN)/medshift leaderboard leaderboard/submissions --out build/site --gallery --docs "$(DOCS)" --refused build/refused.txt

readme: $(VENV)/.installed  ## the same, and its first entries and picture into README.md
	$(BIN)/medshift leaderboard leaderboard/submissions --out build/site --readme README.md --refused build/refused.txt
	cp build/site/board.svg docs/assets/board.svg

# Apart from the README, which workflows refresh: sentences stand on these tables, and somebody has to read them again.
findings: $(VENV)/.installed  ## the same, and its tables of figures into docs/concepts
	$(BIN)/medshift leaderboard leaderboard/submissions --out build/site --against joint-norm --refused build/refused.txt
	$(BIN)/python tests/studies/board_tables.py build/site

# the tables in docs/ that are generated from the code; tests compare them
docs-tables: $(VENV)/.installed  ## write the generated tables of docs/
	$(BIN)/medshift list baselines --into docs/reference/baselines.md
	$(BIN)/medshift shifts table --into docs/reference/shifts.md
	$(BIN)/python -m medshift.benchmark.cli.tables.datasets docs/reference/datasets.md
	$(BIN)/python -m medshift.benchmark.cli.tables.glossary docs/reference/glossary.md

docs-pictures: $(VENV)/.installed  ## draw the pictures of docs/ again
	$(BIN)/python docs/tools/pictures.py docs/assets

# What the site needs is not needed for anything else, so it comes when the site is first built.
$(VENV)/.docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@

# strict: a warning is an error
docs: $(VENV)/.docs  ## the documentation as a site, into build/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --clean --config-file docs/tools/mkdocs.yml

docs-serve: $(VENV)/.docs  ## the same, served on this machine, and built again as pages change
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --config-file docs/tools/mkdocs.yml

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

# The submissions of the boards: on a CPU, one thread gives the same bytes on any core count of the same kind of
# processor. Runs that are done are left out, and those that were stopped resume. The other boards need their images:
# medshift data get fundus-vessels, medshift data get blood-cells --image-size 64; then name them in BOARDS.
BOARDS := brain-mri-sim
BASELINES := imagenet-finetune random-init scratch cbr-tiny cbr-tiny-wide linear-probe lp-ft swad mixstyle \
  acquisition-augment adabn tent sar lame t3a tta joint-norm coral mmd dann cdan mcc ssl-target
submissions: $(VENV)/.installed  ## make entries of the committed boards, in runs/board (hours)
	for board in $(BOARDS); do for name in $(BASELINES); do \
	  $(BIN)/medshift run --baseline $$name --protocol leaderboard/submissions/$$board --seeds 3 --threads 1 \
	    --device cpu --out runs/board || exit 1; done; done

clean:  ## remove what was built and run
	rm -rf build runs
