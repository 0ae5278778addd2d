# Thin lines only: what they call says what they do.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
RUN := $(BIN)/python

.PHONY: setup demo run test bench

# Dependencies, once for each state of pyproject.toml and constraints.txt.
$(VENV)/.installed: pyproject.toml constraints.txt setup.sh
	PYTHON="$(PYTHON)" sh setup.sh "$(VENV)" "$(BIN)"

setup: $(VENV)/.installed
	$(RUN) main.py models pull
	-$(RUN) demo/pictures.py
	$(RUN) main.py library add demo/pictures

demo: setup
	$(RUN) demo/demo.py

run: $(VENV)/.installed
	$(RUN) main.py

test: $(VENV)/.installed
	$(RUN) main.py models pull starter-writer-tiny starter-encoder starter-screens
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	QT_QPA_PLATFORM=offscreen $(RUN) -m pytest

bench: $(VENV)/.installed
	for file in bench/*.py; do case "$$file" in bench/_*) ;; *) $(RUN) "$$file" || exit 1;; esac; done
