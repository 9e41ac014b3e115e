# One way: these targets are what people run, and what CI runs.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
SEED ?= 1
MINUTES ?= 5
BROKER ?= valkey
POOLER ?= none
VENV := .venv
BIN := $(VENV)/bin
# Programs of others that our tests run as they come from their registry; they want versions that are not ours.
CLIENTS := huggingface_hub wavespeed-mcp wavespeedai-skills
# The version of PyTorch's build without CUDA cannot be had by mistake: where there is none, nothing is downloaded.
TORCH := $(VENV)/torch
TORCH_VERSION := 2.13.0$(if $(filter Linux,$(shell uname -s)),+cpu)
MODEL_TESTS := tests/workers/infinitetalk tests/workers/engines/gpu tests/workers/engines/test_conformance.py \
	tests/cli/test_weights.py tests/story/test_gpu_job.py
# Several tests at a time, each process with servers of its own; whoever has nothing left takes over half of another's.
WORKERS ?= 2
PYTEST := -m pytest -m "not long" --numprocesses $(WORKERS) --dist worksteal
LOCK := "$(BIN)/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

.PHONY: help demo up test test-long test-story test-model parity clients torch chaos bench smoke-wavespeed check locks wheel sbom clean

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

demo: $(VENV)/.runtime ## Run the main job on this machine: two people, two voices, one video
	@"$(BIN)/duologue" demo

up: $(VENV)/.runtime ## Start everything on this machine, in the foreground
	@"$(BIN)/duologue" up

# What cannot be had here has its tests skipped; only CI insists.
test: $(VENV)/.dev ## Run every test; at most 20 minutes on two cores
	@$(MAKE) --no-print-directory --keep-going clients torch || test -z "$${DUOLOGUE_CI:-}"
	@test ! -e $(TORCH)/.installed || $(MAKE) --no-print-directory test-model
	@"$(BIN)/python" $(PYTEST)

# With PyTorch, which the other tests do without: it takes seconds to import. What is tiny gains nothing by more threads.
test-model: $(TORCH)/.installed ## Run the tests of the model and of its engine, on tiny weights
	@OMP_NUM_THREADS=1 "$(TORCH)/bin/python" $(PYTEST) $(MODEL_TESTS)

test-long: $(VENV)/.dev ## Run what takes long: ten seeds of chaos, ten of the cloud's faults, waits at default settings
	@"$(BIN)/python" -m pytest -m long
	@$(MAKE) --no-print-directory test-story BROKER=rabbitmq
	@$(MAKE) --no-print-directory test-story POOLER=pgbouncer

test-story: $(VENV)/.dev ## Run whole jobs through real processes: make test-story BROKER=rabbitmq POOLER=pgbouncer
	@"$(BIN)/python" -m pytest -m "not long" --broker=$(BROKER) --pooler=$(POOLER) tests/story

parity: $(TORCH)/.installed ## Compare the model with recorded numbers of the original, and print how far each lies
	@OMP_NUM_THREADS=1 "$(TORCH)/bin/python" -m pytest -v tests/workers/infinitetalk

torch: $(TORCH)/.installed ## Install what the model runs on, without CUDA, for its tests and for tiny weights

clients: $(patsubst %,$(VENV)/clients/%/.installed,node $(CLIENTS)) ## Install the clients that the tests run, each in a folder of its own

chaos: $(VENV)/.dev ## Kill and freeze everything under load, then check the history: make chaos SEED=1 MINUTES=5
	@"$(BIN)/python" -m tests.story.chaos --seed $(SEED) --minutes $(MINUTES)

bench: $(VENV)/.dev ## Measure what has a goal, beside its reference in the same run; one table, under ten minutes
	@"$(BIN)/python" benchmarks/bench.py

smoke-wavespeed: $(VENV)/.dev ## Run one paid job, the cheapest, at the real WaveSpeed; it names the price and asks first
	@"$(BIN)/python" benchmarks/smoke_wavespeed.py

check: $(VENV)/.dev ## Formatting, lint, types, the plan of the house, and what we deploy by
	@"$(BIN)/ruff" format --check .
	@"$(BIN)/ruff" check .
	@"$(BIN)/mypy"
	@"$(BIN)/lint-imports"
	@"$(BIN)/python" -m tests.deploy

locks: $(VENV)/.dev ## Solve the dependencies anew and write the hashed requirement files
	@$(LOCK) pyproject.toml -o requirements/runtime.txt
	@$(LOCK) --group build -c requirements/runtime.txt -o requirements/build.txt
	@$(LOCK) pyproject.toml --extra embedded --group build -c requirements/runtime.txt -o requirements/embedded.txt
	@$(LOCK) pyproject.toml --extra embedded --group build --group dev -c requirements/runtime.txt -o requirements/dev.txt
	@$(LOCK) --group gpu -c requirements/dev.txt -o requirements/gpu.txt
	@$(LOCK) requirements/torch.in -c requirements/gpu.txt --excludes <(echo torch) -o requirements/torch.txt
	@for client in $(CLIENTS); do $(LOCK) requirements/clients/$$client.in -o requirements/clients/$$client.txt; done

wheel: $(VENV)/.dev ## Build the wheel into dist/
	@"$(BIN)/python" -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

SBOM := PYTHONWARNINGS=ignore::UserWarning "$(BIN)/cyclonedx-py" requirements --pyproject pyproject.toml --output-reproducible
sbom: $(VENV)/.dev ## Say in sbom/ what is in the images, as CycloneDX: from the locks they are built of
	@mkdir -p sbom
	@$(SBOM) --output-file sbom/duologue.json requirements/runtime.txt
	@$(SBOM) --output-file sbom/gpu.json requirements/gpu.txt

clean: ## Remove what was installed and built here; data in .duologue stays
	@rm -rf $(VENV) dist sbom .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV)

# The marks are made last, so that an installation that was cut off is done again.
$(VENV)/.runtime: $(VENV)/bin/pip requirements/embedded.txt pyproject.toml
	@echo "Installing what Duologue needs into $(VENV) (once, a minute or two)"
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/embedded.txt
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	@echo "Installing what the tests and checks need into $(VENV)"
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/clients/node/.installed: tests/story/clients/package.json tests/story/clients/package-lock.json
	@command -v npm >/dev/null || { echo "Install Node.js 18 or later, with npm, to run its clients in the tests" >&2; exit 1; }
	@mkdir -p $(@D)
	@cp $^ $(@D)
	@cd $(@D) && npm ci --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error
	@touch $@

# Laid over what the tests have. PyTorch's builds without CUDA differ from place to place and so do their hashes: it alone
# is taken by its version, from where pip is told to look.
$(TORCH)/.installed: requirements/torch.txt $(VENV)/.dev
	@echo "Installing what the model runs on into $(TORCH), without CUDA"
	@"$(BIN)/python" -m venv --clear --without-pip $(TORCH)
	@"$(BIN)/python" -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
		> "$$("$(TORCH)/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/duologue.pth"
	@"$(BIN)/python" -m pip --python $(TORCH) install --quiet --disable-pip-version-check --no-deps "torch==$(TORCH_VERSION)" || { \
		echo "No build $(TORCH_VERSION) of PyTorch is found: have PIP_EXTRA_INDEX_URL name its makers' index of CPU builds, which their page" >&2; \
		echo "on installing it gives, or PIP_FIND_LINKS a folder with the wheel." >&2; exit 1; }
	@"$(BIN)/python" -m pip --python $(TORCH) install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

# The locks are whole; an older pip that looks for more stumbles over extras.
$(VENV)/clients/%/.installed: requirements/clients/%.txt | $(VENV)/bin/pip
	@"$(BIN)/python" -m venv --clear --without-pip $(@D)
	@"$(BIN)/python" -m pip --python $(@D) install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@
