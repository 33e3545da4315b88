# Two commands for a newcomer: `make demo` and `make test`. Everything happens in .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

export HF_HUB_OFFLINE = 1
# Two test workers share the cores, so that each keeps to one thread.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2

.PHONY: demo space test test-slow test-browser quality format nano clean

demo: $(VENV)/core.stamp ## read the emotion in both examples; pictures land in outputs/demo
	$(BIN)/emotion-qwen analyze examples/clip.mp4 --save-frames outputs/demo
	$(BIN)/emotion-qwen analyze examples/astronaut.png --save-frames outputs/demo

space: $(VENV)/demo.stamp outputs/emotion-qwen-nano/config.json ## the page of the Space at http://127.0.0.1:7860
	cd spaces_demo && MODEL_ID=$(CURDIR)/outputs/emotion-qwen-nano $(abspath $(BIN))/python app.py

test: $(VENV)/dev.stamp ## the whole suite but the slow ones; no network, no GPU
	$(PYTEST) -m "not slow and not browser"

test-slow: $(VENV)/dev.stamp ## what takes minutes
	$(PYTEST) -m "slow and not browser"

test-browser: $(VENV)/dev.stamp ## the Space in a real browser (apt install chromium); pictures land in outputs/space
	$(PYTEST) -m browser --dist loadfile

quality: $(VENV)/dev.stamp ## lint and format check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/dev.stamp ## mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

RENDER = $(BIN)/python -m emotion_qwen.train.synthetic.data_set
NANO := train/recipes/nano

nano: $(VENV)/dev.stamp ## render the data, train the Nano in four phases, measure it; results in outputs/nano
	$(RENDER) --output outputs/nano/data/closeups --identities 500 --held-out-identities 40 --stills-per-label 4 \
		--size 112 --face-height 0.5 0.95 --seed 0
	$(RENDER) --output outputs/nano/data/portraits --identities 400 --held-out-identities 20 --stills-per-label 1 \
		--size 240 --face-height 0.2 0.5 --seed 1
	$(RENDER) --output outputs/nano/data/clips --identities 420 --held-out-identities 21 --stills-per-label 0 \
		--clips-per-identity 2 --size 112 --face-height 0.35 0.9 --seed 2
	$(RENDER) --output outputs/nano/data/shapes --identities 0 --held-out-identities 0 --shapes 3000 --size 80 --seed 3
	$(BIN)/python -m emotion_qwen.train.nano --config $(NANO)/model.yaml
	$(BIN)/python -m emotion_qwen.train.warm_up --config $(NANO)/1_warm_up.yaml
	$(BIN)/emotion-qwen train nano/2_answer overwrite_output_dir=true
	$(BIN)/emotion-qwen train nano/3_distance overwrite_output_dir=true
	$(BIN)/emotion-qwen train nano/4_detail overwrite_output_dir=true
	$(BIN)/python benchmarks/nano.py outputs/nano/data/closeups outputs/nano/data/portraits outputs/nano/data/clips \
		--model outputs/nano/final --output outputs/nano

clean:
	rm -rf $(VENV) outputs build dist *.egg-info

$(VENV)/core.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@echo "Installing Emotion-Qwen into $(VENV): some 5 GB, a few minutes."
	$(INSTALL) --editable .
	@touch $@

outputs/emotion-qwen-nano/config.json: $(wildcard modeling_emotion_qwen/nano/*) | $(VENV)/core.stamp
	$(BIN)/emotion-qwen export outputs/emotion-qwen-nano --overwrite

$(VENV)/demo.stamp: $(VENV)/core.stamp
	$(INSTALL) --editable ".[demo]"
	@touch $@

$(VENV)/dev.stamp: $(VENV)/core.stamp
	$(INSTALL) --editable ".[dev]"
	@touch $@
