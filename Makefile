# Two commands for a newcomer: `make demo` and `make test`. Everything happens in .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

export HF_HUB_OFFLINE = 1
# Two test workers share the cores, so that each keeps to one thread.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2

.PHONY: demo space test test-slow test-deepspeed test-browser picture quality format nano measure-nano clean

demo: $(VENV)/core.stamp ## read the emotion in both examples; pictures land in outputs/demo
	$(BIN)/emotion-qwen analyze examples/clip.mp4 --save-frames outputs/demo
	$(BIN)/emotion-qwen analyze examples/astronaut.png --save-frames outputs/demo

space: $(VENV)/demo.stamp outputs/emotion-qwen-nano/config.json ## the page of the Space at http://127.0.0.1:7860
	cd spaces_demo && MODEL_ID=$(CURDIR)/outputs/emotion-qwen-nano $(abspath $(BIN))/python app.py

test: $(VENV)/dev.stamp ## the whole suite but the slow ones; no network, no GPU
	$(PYTEST) -m "not slow and not browser"

test-slow: $(VENV)/dev.stamp ## what takes minutes
	$(PYTEST) -m "slow and not browser and not deepspeed"

test-deepspeed: $(VENV)/deepspeed.stamp ## ZeRO-2 against DDP, two processes without a GPU (apt install g++)
	$(PYTEST) -m deepspeed

test-browser: $(VENV)/dev.stamp ## the Space in a real browser (apt install chromium); pictures land in outputs/space
	$(PYTEST) -m browser --dist loadfile

picture: $(VENV)/dev.stamp ## take the README's picture of the page anew (apt install chromium)
	$(BIN)/python -m tests.spaces_demo.take_picture examples/page.jpg

quality: $(VENV)/dev.stamp ## lint and format check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/dev.stamp ## mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Two processes render, so that each keeps to one thread.
SYNTHETIC = OMP_NUM_THREADS=1 $(BIN)/python -m emotion_qwen.train.synthetic
DATA := outputs/nano/data

# Without these, glibc gives every large tensor back to the system and has its pages cleared for the next one.
nano: export MALLOC_MMAP_THRESHOLD_ = 1073741824
nano: export MALLOC_TRIM_THRESHOLD_ = 4294967296
nano: $(VENV)/dev.stamp ## render the data and train the Nano: warm-up, last stage, adapters; results in outputs/nano
	$(SYNTHETIC).data_set --output $(DATA)/drawings --identities 0 --held-out-identities 0 \
		--shapes 12000 --words 8000 --moving 2000 --size 80 --clip-frames 6 12 --seed 3
	$(SYNTHETIC).data_set --output $(DATA)/closeups --identities 900 --held-out-identities 40 --stills-per-label 3 \
		--size 112 --face-height 0.5 0.95 --seed 0
	$(SYNTHETIC).data_set --output $(DATA)/portraits --identities 400 --held-out-identities 40 --stills-per-label 1 \
		--size 240 --face-height 0.2 0.5 --seed 1
	$(SYNTHETIC).data_set --output $(DATA)/clips --identities 420 --held-out-identities 42 --stills-per-label 0 \
		--clips-per-identity 2 --clip-frames 4 24 --size 112 --face-height 0.35 0.9 --seed 2
	$(SYNTHETIC).group_data_set --output $(DATA)/groups --clips 300 --held-out-clips 42 --frames 8 24 \
		--size 112 112 --face-height 0.28 0.4 --scenes still --seed 4
	$(BIN)/python -m emotion_qwen.train.nano nano/model
	$(BIN)/python -m emotion_qwen.train.warm_up nano/warm_up
	$(BIN)/emotion-qwen train nano/stage3 overwrite_output_dir=true
	$(BIN)/emotion-qwen train nano/lora overwrite_output_dir=true
	$(BIN)/emotion-qwen train nano/lora_clips overwrite_output_dir=true

measure-nano: $(VENV)/dev.stamp ## measure what `make nano` made, on people and drawings it never saw
	$(BIN)/python benchmarks/nano.py --most 150 $(DATA)/closeups $(DATA)/portraits $(DATA)/clips $(DATA)/groups \
		$(DATA)/drawings --model outputs/nano/stage3 --output outputs/nano

clean:
	rm -rf $(VENV) outputs build dist *.egg-info

$(VENV)/core.stamp: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Emotion-Qwen into $(VENV): some 5 GB, a few minutes."
	$(INSTALL) --editable .
	@touch $@

outputs/emotion-qwen-nano/config.json: $(wildcard modeling_emotion_qwen/nano/*) | $(VENV)/core.stamp
	$(BIN)/emotion-qwen export outputs/emotion-qwen-nano --overwrite

$(VENV)/demo.stamp: $(VENV)/core.stamp
	$(INSTALL) --editable ".[demo]"
	@touch $@

$(VENV)/deepspeed.stamp: $(VENV)/dev.stamp
	$(INSTALL) --editable ".[dev,deepspeed]"
	@touch $@

$(VENV)/dev.stamp: $(VENV)/core.stamp
	$(INSTALL) --editable ".[dev]"
	@touch $@
