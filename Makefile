# make demo: install, train agents, show their comparison and their sentences.   make test: install, run the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# One thread a test process: the machine's cores are shared out among the processes.
export OMP_NUM_THREADS ?= 1

.PHONY: demo test chaos clients scale check docs lint types wheel install clean

demo: $(INSTALLED)
	$(BIN)/python -m benchmarks run quick
	$(BIN)/python -m benchmarks run sentences

test: $(INSTALLED)
	$(BIN)/python -m pytest -n auto --dist worksteal

# A benchmark that is killed, told to end, begun twice, left without space, or whose files are damaged, ends in the same
# bytes: a quarter of an hour. CHAOS="--seed 7 --part damage": the trials of a number, a part of them.
chaos: $(INSTALLED)
	PYTHONPATH=tests $(BIN)/python -m chaos $(CHAOS)

# Other libraries' agents on these environments, each library in a virtual environment of its own: minutes, and a
# gigabyte each. make clients CLIENTS="torchrl trl": some of them; make -k clients: on to the next where one fails. A library
# that asks for a Gymnasium too old for this package is installed without its dependencies.
CLIENT_REQUIREMENTS := tests/clients/requirements
CLIENTS ?= $(basename $(notdir $(wildcard $(CLIENT_REQUIREMENTS)/*.txt)))
CLIENT_ENVIRONMENTS ?= .clients

clients: $(addprefix client-,$(CLIENTS))

client-%:
	test -x $(CLIENT_ENVIRONMENTS)/$*/bin/python || $(PYTHON) -m venv $(CLIENT_ENVIRONMENTS)/$*
	$(CLIENT_ENVIRONMENTS)/$*/bin/python -m pip install --quiet --requirement $(CLIENT_REQUIREMENTS)/$*.txt --editable ".[fast,text]"
	test ! -e $(CLIENT_REQUIREMENTS)/without_dependencies/$*.txt || $(CLIENT_ENVIRONMENTS)/$*/bin/python -m pip install --quiet --no-deps --no-build-isolation --requirement $(CLIENT_REQUIREMENTS)/without_dependencies/$*.txt
	PYTHONPATH=. $(CLIENT_ENVIRONMENTS)/$*/bin/python -m pytest tests/clients/test_$*.py

# 10,000 runs on 256 simulated workers with failures, planned, shared out and reported: how long, in how much memory.
scale: $(INSTALLED)
	PYTHONPATH=tests $(BIN)/python -m scale $(SCALE)

check: lint types test docs

# The documentation site, in docs/_build/html; every warning is an error, and no network is needed.
docs: $(INSTALLED)
	$(BIN)/python -m sphinx -W --keep-going -n -q -b html docs docs/_build/html
	@echo "the site is built: docs/_build/html/index.html"

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

install: $(INSTALLED)

# The stamp is written last: an installation that was interrupted is taken up again by the next call, and an
# environment whose pip does not answer is made anew.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; try: make PYTHON=python3.12 " + "$(MAKECMDGOALS)")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "installing into $(VENV), once: a minute or two"
	@$(BIN)/python -m pip install -qq --constraint constraints.txt --editable ".[dev]"
	@$(BIN)/python -m pip check --quiet
	@touch $@

# The built wheel, alone in an empty environment, plays a game.
wheel: $(INSTALLED)
	rm -rf dist $(VENV)/wheel-check
	$(BIN)/python -m build --wheel --no-isolation --outdir dist .
	$(BIN)/twine check --strict dist/*
	$(PYTHON) -m venv $(VENV)/wheel-check
	$(VENV)/wheel-check/bin/python -m pip install --quiet --constraint constraints.txt dist/*.whl
	cd dist && ../$(VENV)/wheel-check/bin/python -W error -c 'import gymnasium as gym, textgen_env; env = gym.make("TextGen-OracleSmall-v0"); env.reset(seed=0); print(env.step(1))'
	rm -rf $(VENV)/wheel-check

clean:
	rm -rf $(VENV) dist build docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
