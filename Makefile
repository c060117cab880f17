# Everything lives in .venv at the root; nothing is installed outside the checkout.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo demo-down test lint format bench lock clean

.venv/%.installed: requirements/%.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "dmrefresh needs Python 3.11 or newer; say which: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "this Python cannot make virtual environments; on Debian and Ubuntu: sudo apt-get install python3-venv" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r $<
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

lock: ## write the hash-pinned requirements again (needs uv)
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header -o requirements/run.txt pyproject.toml
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --extra demo -o requirements/demo.txt pyproject.toml
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --extra dev -o requirements/dev.txt pyproject.toml
