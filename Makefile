# Two commands for a newcomer: `make demo` and `make test`. Everything happens in .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

export HF_HUB_OFFLINE = 1
# Two test workers share the cores, so that each keeps to one thread.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2

.PHONY: demo test test-slow quality format nano clean

demo: $(VENV)/core.stamp ## read the emotion in both examples; pictures land in outputs/demo
	$(BIN)/emotion-qwen analyze examples/clip.mp4 --save-frames outputs/demo
	$(BIN)/emotion-qwen analyze examples/astronaut.png --save-frames outputs/demo

test: $(VENV)/dev.stamp ## the whole suite but the slow ones; no network, no GPU
	$(PYTEST) -m "not slow"

test-slow: $(VENV)/dev.stamp ## what takes minutes
	$(PYTEST) -m slow

quality: $(VENV)/dev.stamp ## lint and format check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/dev.stamp ## mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) outputs build dist *.egg-info

$(VENV)/core.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@echo "Installing Emotion-Qwen into $(VENV): some 5 GB, a few minutes."
	$(INSTALL) --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/core.stamp
	$(INSTALL) --editable ".[dev]"
	@touch $@
