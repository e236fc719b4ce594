# make demo    render a small railway yard, train on it, test on recordings it never saw
# make test    every test
# make lint    ruff and mypy
# make bench   the model, memory, loading and detection beside their peers, into work_dirs/benchmarks
# make install what the others call first: makes $(VENV) once, again when its ingredients change
#
# PIP_ARGS goes to pip, for a machine that needs an option of its own: for example an index with
# PyTorch's CPU builds where there is no GPU, so that the constraint on torch finds one.

VENV ?= .venv
PIP_ARGS ?=
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/installed

.PHONY: install demo test lint bench

install: $(STAMP)

demo: install
	$(PYTHON) tools/demo.py

# Live detection meets real servers where they are installed (.ci/services.sh installs Debian's);
# elsewhere its tests are skipped, and pytest's last lines say so. Files of tests run side by side, in
# as many processes and in the order that tests/conftest.py says. Python keeps what it compiles, of
# tests too, whatever the machine's habit: each of the processes would compile for seconds.
test: export PYTHONDONTWRITEBYTECODE =
test: install
	MMACTION_TIMESFORMER_WITHOUT_SERVICES=$${MMACTION_TIMESFORMER_WITHOUT_SERVICES-1} \
	    OMP_NUM_THREADS=1 $(PYTHON) -m pytest -q --numprocesses auto --maxprocesses 4 \
	    --dist loadfile --no-loadscope-reorder

lint: install
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

# Two cores, as the records in benchmarks/records/, which took more rounds and are left alone.
BENCH ?= work_dirs/benchmarks
bench: export OMP_NUM_THREADS = 2
bench: install
	$(PYTHON) tools/benchmark.py model --rounds 3 --out $(BENCH)
	$(PYTHON) tools/benchmark.py memory --rounds 1 --out $(BENCH)
	$(PYTHON) tools/benchmark.py data --rounds 2 --long-minutes 0 --out $(BENCH)
	$(PYTHON) tools/benchmark.py detect --out $(BENCH) speed --rounds 2

# mmengine imports yapf, which at its first import writes a file of its own: processes that start
# together, as those of the tests, would read it half written. Matplotlib looks for fonts at its
# first import, and says so when that takes long, which would be taken for an error.
$(STAMP): setup.py constraints.txt startup/mend_mmaction2.py startup/mend_mmaction2.pth | $(PYTHON)
	$(PYTHON) -m pip install $(PIP_ARGS) --constraint constraints.txt --editable '.[dev]'
	$(PYTHON) -c 'import yapf, matplotlib.font_manager'
	touch $@

# The first interpreter of a version that the stack supports. A half-made environment is removed.
$(PYTHON):
	@for python in python3 python3.13 python3.12 python3.11 python3.10; do \
	    if $$python -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null; then \
	        echo "Making $(VENV) with $$($$python --version)"; \
	        $$python -m venv '$(VENV)' && exit 0; \
	        rm -rf '$(VENV)'; exit 1; \
	    fi; \
	done; \
	echo 'No Python 3.10 to 3.14 on the PATH: install one, then type the command again.' >&2; exit 1
