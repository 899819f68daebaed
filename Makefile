# make notebooks   environment, data, all notebooks, figures
# make test        environment, style, types, all tests            make check   the same with the fast tests only
# make notebooks DATA=folder-or-zip RECIPE=smoke|report|strong|market BACKBONE=resnet18|efficientnet_lite0 PRETRAINED=yes|no SEED=0
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python

# what is not given stays unset: the settings cell of each notebook holds the defaults
export ASSIGNMENT_DATA := $(DATA)
export ASSIGNMENT_RECIPE := $(RECIPE)
export ASSIGNMENT_BACKBONE := $(BACKBONE)
export ASSIGNMENT_PRETRAINED := $(PRETRAINED)
export ASSIGNMENT_SEED := $(SEED)

# Without a GPU: glibc keeps the memory that a training step frees instead of fetching it from the system anew at the next one
# (docs/speed.md). Off with `make KEEP_MEMORY= ...`.
KEEP_MEMORY := $(if $(shell which nvidia-smi 2>/dev/null),,MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=8589934592 MALLOC_TOP_PAD_=67108864)

.PHONY: notebooks test test-browser check lint demo ablations train adapt translation gpu-check bench lab environment course download badges student clean

notebooks: environment
	$(KEEP_MEMORY) $(RUN) tools/run_notebooks.py $(NOTEBOOKS)

# a process takes whole files, so that what their tests share is made once; the longest files begin first
PYTEST := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(RUN) -m pytest -n auto --maxprocesses 8 --dist loadfile --ignore tests/browser

test: lint
	$(PYTEST) --no-loadscope-reorder tests/notebooks tests/training tests

# JupyterLab and the page of `make demo` in Chromium, which the system has to have: apt-get install chromium
test-browser: environment
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(RUN) -m pytest -rs tests/browser

check: lint
	$(PYTEST) -m "not slow"

lint: environment
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# the whole table of notebook 06 in the background: make ablations DATA=course.zip [RECIPE=report|strong] [JOBS=2]
JOBS ?= 1
ablations: environment
	@$(RUN) -c 'import sys; from assignment_lib.dataset import load; load(sys.argv[1])' $(or $(DATA),synthetic)
	@mkdir -p runs; for job in $$(seq $(JOBS)); do \
	  $(KEEP_MEMORY) TQDM_DISABLE=1 OMP_NUM_THREADS=$$(( ($$(nproc) + $(JOBS) - 1) / $(JOBS) )) nohup $(RUN) -m assignment_lib.training.ablations \
	    --data $(or $(DATA),synthetic) --recipe $(or $(RECIPE),report) --part $$job/$(JOBS) > runs/ablations-$$job.log 2>&1 & \
	done; echo "measuring in the background: runs/ablations-1.log says how far it is; pkill -f assignment_lib.training.ablations stops it"

# the network of a recipe, without notebooks: make train DATA=course.zip RECIPE=strong [SEED=0]
train: environment
	$(KEEP_MEMORY) $(RUN) -m assignment_lib.training.experiment --data $(or $(DATA),synthetic) --recipe $(or $(RECIPE),smoke) \
	  --backbone $(or $(BACKBONE),efficientnet_lite0) --seed $(or $(SEED),0) $(if $(filter no,$(PRETRAINED)),--from-scratch)

# the network that `make train` or notebook 04 made, adapted to the unlabelled test, into a folder of its own beside it; same variables
adapt: environment
	$(KEEP_MEMORY) $(RUN) -m assignment_lib.training.adapt --data $(or $(DATA),synthetic) --recipe $(or $(RECIPE),smoke) \
	  --backbone $(or $(BACKBONE),efficientnet_lite0) --seed $(or $(SEED),0) $(if $(filter no,$(PRETRAINED)),--from-scratch)

# people of another data set, repainted by a GAN, added to training or not (notebook 07): make translation DATA=course.zip
# RECIPE=strong [OTHERS=folder] [SEEDS="0 1 2 3 4"]; without OTHERS they are drawn
translation: environment
	$(KEEP_MEMORY) $(RUN) -m assignment_lib.translation.comparison --data $(or $(DATA),synthetic) --recipe $(or $(RECIPE),smoke) \
	  --backbone $(or $(BACKBONE),efficientnet_lite0) $(if $(filter no,$(PRETRAINED)),--from-scratch) \
	  $(if $(OTHERS),--others $(OTHERS)) --seeds $(or $(SEEDS),0 1 2 3 4)

# a GPU in some minutes: is it fast, does it compute the same, is its memory enough? make gpu-check [RECIPE=report]
gpu-check: environment
	@$(RUN) -m assignment_lib.reporting.gpu_check --recipe $(or $(RECIPE),report) $(if $(BACKBONE),--backbone $(BACKBONE))

# short benchmarks beside their limits; fails where one is broken. Two idle cores, about two minutes
bench: environment
	$(KEEP_MEMORY) TQDM_DISABLE=1 $(RUN) benchmarks/bench.py

# the widget of notebook 05 as a page on 127.0.0.1; same variables as `make train`, PORT=8866
demo: environment
	$(KEEP_MEMORY) $(RUN) tools/demo.py --port $(or $(PORT),8866)

lab: environment
	$(KEEP_MEMORY) $(VENV)/bin/jupyter lab notebooks

# official Market-1501 with market_attribute.mat -> the course's layout: make course DATA=Market-1501-v15.09.15 [OUT=folder]
course: environment
	$(RUN) -m assignment_lib.data.convert $(DATA) $(or $(OUT),data/market1501-course)

# Market-1501 and its attributes from their authors' addresses, into data/ (needs a network)
download: environment
	$(RUN) -m pip install --quiet gdown 2>/dev/null || uv pip install --quiet --python $(RUN) gdown
	$(RUN) -m assignment_lib.data.download

# writes the address of a published copy into the Colab badges: make badges REPOSITORY=owner/name
badges:
	$(PYTHON) tools/set_repository.py $(REPOSITORY)

# the notebooks without their solutions, and what it takes to run them: student/
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

# leaves downloaded data and trained networks alone
clean:
	rm -rf $(VENV) .pytest_cache .hypothesis .ruff_cache .mypy_cache
