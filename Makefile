# make notebooks   environment, data, all notebooks, figures
# make test        environment, style, types, all tests            make check   the same with the fast tests only
# make notebooks DATA=folder-or-zip RECIPE=smoke|report|strong|adapted BACKBONE=efficientnet_lite0|resnet18 PRETRAINED=yes|no SEED=0
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python

# Settings reach the programs as environment variables, never as text of a shell command: a path may hold spaces, brackets,
# quotes or `&`. A setting that is not given stays empty, and the program's default holds.
export ASSIGNMENT_DATA := $(DATA)
export ASSIGNMENT_RECIPE := $(RECIPE)
export ASSIGNMENT_BACKBONE := $(BACKBONE)
export ASSIGNMENT_PRETRAINED := $(PRETRAINED)
export ASSIGNMENT_SEED := $(SEED)
export ASSIGNMENT_SEEDS := $(SEEDS)
export ASSIGNMENT_OTHERS := $(OTHERS)
export ASSIGNMENT_WEIGHTS := $(WEIGHTS)
export ASSIGNMENT_OUT := $(OUT)
export ASSIGNMENT_GALLERY := $(GALLERY)
export ASSIGNMENT_PORT := $(PORT)
export ASSIGNMENT_REPOSITORY := $(REPOSITORY)

# Without a GPU, glibc keeps the memory that a training step frees instead of fetching it from the system again for the next.
KEEP_MEMORY := $(if $(shell which nvidia-smi 2>/dev/null),,MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=8589934592 MALLOC_TOP_PAD_=67108864)
COMMAND := $(KEEP_MEMORY) $(RUN) -m assignment_lib.training.commands

.PHONY: notebooks test test-browser check lint docs demo ablations train repeat translation gpu-check bench lab environment course download badges student clean

notebooks: environment
	$(KEEP_MEMORY) $(RUN) tools/run_notebooks.py $(NOTEBOOKS)

# Tests of one file share what they prepare, so a process takes whole files.
PYTEST := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(RUN) -m pytest -n auto --maxprocesses 8 --dist loadfile --ignore tests/browser

test: lint
	$(PYTEST)

# JupyterLab and the page of `make demo` in the system's Chromium: apt-get install chromium
test-browser: environment
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(RUN) -m pytest -rs tests/browser

check: lint
	$(PYTEST) -m "not slow"

lint: environment
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# Writes the numbers of README.md and docs/ from the tables in the repository.
docs: environment
	$(RUN) tools/write_numbers.py

# Trains the network of a recipe without notebooks; the notebooks then use it (with the default settings they train again).
train: environment
	$(COMMAND) train

# Trains a recipe with several seeds: make repeat DATA=course.zip RECIPE=report SEEDS="0 1 2"
repeat: environment
	$(COMMAND) repeat

# Measures the whole table of notebook 06; resumes where it was interrupted.
ablations: environment
	$(COMMAND) ablations

# Compares training with and without people of another data set (notebook 07); OTHERS=folder, by default drawn people.
translation: environment
	$(COMMAND) translation

# Compares a GPU with the CPU: speed, results and memory, in a few minutes.
gpu-check: environment
	$(RUN) benchmarks/gpu_check.py

# Runs the short benchmarks and fails where one exceeds its limit. Needs two idle cores and about two minutes.
bench: environment
	$(RUN) benchmarks/reid_scores.py
	$(RUN) benchmarks/inference_batch.py

# Serves the widget of notebook 05 as a page on 127.0.0.1. PORT=8866; GALLERY=folder searches your own images.
demo: environment
	$(RUN) tools/demo.py

lab: environment
	$(VENV)/bin/jupyter lab notebooks

# Converts the official Market-1501 to the course's layout: make course DATA=Market-1501-v15.09.15 [OUT=folder]
course: environment
	$(RUN) -m assignment_lib.data.market1501 course

# Downloads Market-1501 and its attributes from their authors into data/ (needs a network).
download: environment
	$(RUN) -m assignment_lib.data.market1501 download

# Writes the GitHub address of a published copy into the Colab badges: make badges REPOSITORY=owner/name
badges:
	$(PYTHON) tools/set_repository.py

# Writes the notebooks without their solutions, and what it takes to run them, to student/.
student: environment
	@$(RUN) tools/student.py

environment: $(VENV)/installed

$(VENV)/installed: requirements.txt requirements-dev.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than Python 3.11; name a newer one: make PYTHON=python3.12"; exit 1; }
	@echo "installing into $(VENV): about 6 GB, one to three minutes from a near package index"
	@if command -v uv >/dev/null; then \
	  uv venv --quiet --allow-existing --python "$$(command -v $(PYTHON))" $(VENV) && \
	  uv pip install --quiet --python $(RUN) -r requirements-dev.txt -c constraints.txt; \
	else \
	  $(PYTHON) -m venv $(VENV) && \
	  $(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -c constraints.txt; \
	fi
	@touch $@

# Keeps downloaded data and trained networks.
clean:
	rm -rf $(VENV) .pytest_cache .hypothesis .ruff_cache .mypy_cache
