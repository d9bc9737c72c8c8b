# make demo | test | soak | lint | docs | bench | gpu-check | real | bundle | train-embedded | train-embedded-ear. Everything is installed into .venv; nothing else on the machine is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# torch comes from the CPU index: the default build pulls several GB of CUDA packages. For a GPU: make test TORCH_INDEX=
# An index that cannot be reached is passed over, and pip takes what it finds elsewhere.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
TORCH ?= torch==2.13.0
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
INSTALL_TORCH = $(PIP) --no-deps --retries 1 $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) $(TORCH) || $(PIP) $(TORCH)

.PHONY: demo test soak lint docs bench gpu-check real bundle train-embedded train-embedded-ear clean

# The demo's environment has no torch: workers never need it.
$(VENV)/.base: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable '.[evaluate]'
	touch $@

$(VENV)/.dev: $(VENV)/.base
	$(INSTALL_TORCH)
	$(PIP) --editable '.[dev,export]'
	touch $@

demo: $(VENV)/.base
	$(BIN)/python jobs/demo.py

# Only these files are collected where few tests are asked for: of all, that takes half a minute.
MARKED = $$(grep -rlE "mark\.(ray|fault|last)" tests)
# Tests that lose what they started have the machine to themselves. Of those that start clusters two run at a time: half of what
# they do is waiting. The others are as many processes as there are cores: torch has one thread in each.
# Our code is compiled before: a folder of compiled code that appears between two `ray job submit` makes another package of it.
test: export PYTHONDONTWRITEBYTECODE = # where it is set, every job that the tests start compiles our code again
test: $(VENV)/.dev
	$(BIN)/python -m compileall -q actors books cluster embedded exporter jobs reports training
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadgroup -m "not (ray or fault or last)"
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder -m "(ray or last) and not fault" $(MARKED)
	$(BIN)/python -m pytest -m fault $(MARKED)

# Loses nodes, workers, heads and stores again and again.
soak: $(VENV)/.dev
	for round in 1 2 3 4 5; do SOAK=1 $(BIN)/python -m pytest -m fault || exit 1; done

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# The tables of options, from the jobs themselves.
docs: $(VENV)/.base
	$(BIN)/python docs/options.py

# soprano-tts lives in an environment of its own, beside ours.
.bench/peer: $(VENV)/.dev
	$(PYTHON) -m venv .bench/peer
	PIP_DISABLE_PIP_VERSION_CHECK=1 .bench/peer/bin/python -m pip install --quiet --no-deps --retries 1 \
		$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) $(TORCH)
	.bench/peer/bin/python -m pip install --quiet $(TORCH) 'transformers>=5' accelerate unidecode inflect scipy
	.bench/peer/bin/python -m pip install --quiet --no-deps soprano-tts==0.2.0

# So do pocket-tts, transformers and faster-whisper.
.bench/peers: $(VENV)/.dev
	$(PYTHON) -m venv .bench/peers
	PIP_DISABLE_PIP_VERSION_CHECK=1 .bench/peers/bin/python -m pip install --quiet --no-deps --retries 1 \
		$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) $(TORCH)
	.bench/peers/bin/python -m pip install --quiet $(TORCH) 'transformers==5.23.*' pocket-tts==4.0.1 faster-whisper==1.2.1 pyyaml

bench: .bench/peer .bench/peers
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.whisper
	$(BIN)/python -m benchmarks.runtimes
	$(BIN)/python -m benchmarks.ray_overhead
	$(BIN)/python -m benchmarks.sizing --write
	$(BIN)/python -m benchmarks.speed_chart

# onnxruntime-gpu takes the place of onnxruntime, whose folder it shares; CUDA's libraries come as packages, the driver does not.
.bench/gpu: $(VENV)/.dev
	$(PYTHON) -m venv .bench/gpu
	.bench/gpu/bin/python -m pip install --quiet --disable-pip-version-check --editable .
	.bench/gpu/bin/python -m pip uninstall --quiet --yes onnxruntime
	.bench/gpu/bin/python -m pip install --quiet --disable-pip-version-check 'onnxruntime-gpu[cuda,cudnn]>=1.30'

# Six minutes on a GPU, beside what is installed and exported before. Where there is none: the same on the CPU, with tiny models.
GPU := $(firstword $(wildcard /dev/nvidia[0-9]*))
gpu-check: $(if $(GPU),.bench/gpu .bench/peer .bench/peers,$(VENV)/.dev)
	$(BIN)/python -m benchmarks.gpu_check --prepare $(if $(GPU),,--dry-run)
	$(if $(GPU),.bench/gpu/bin/python,$(BIN)/python) -m benchmarks.gpu_check $(if $(GPU),--device cuda,--dry-run)

# Real weights hear real speech: what cannot be had here is left out, and it is said why. make .bench/peers adds faster-whisper.
real: $(VENV)/.dev
	$(BIN)/python -m benchmarks.real

# Rebuilds the bundles that ship with the repository from their checkpoints.
bundle: $(VENV)/.dev
	rm -rf embedded/voice
	$(BIN)/python jobs/export_models.py --family soprano --checkpoint training/checkpoints/voice \
		--name embedded --precision int8 --folder embedded/voice
	rm -rf embedded/ear
	$(BIN)/python jobs/export_models.py --family vibevoice-asr --checkpoint training/checkpoints/ear \
		--name embedded-asr --precision int8 --folder embedded/ear

# Trains the embedded voice anew (embedded/README.md). Needs espeak-ng and wordnet-base from the system's packages.
train-embedded: $(VENV)/.dev
	$(PIP) --editable '.[train]'
	$(BIN)/python jobs/train_embedded.py voice

# Trains the embedded ear anew. Needs the same. Memory that the C library gives back to the system after every large tensor costs a
# tenth of a step.
train-embedded-ear: $(VENV)/.dev
	$(PIP) --editable '.[train]'
	MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 $(BIN)/python jobs/train_embedded.py ear

clean:
	rm -rf $(VENV) .bench demo-output
