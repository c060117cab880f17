# Everything lives in .venv at the root; nothing is installed outside the checkout.
PYTHON ?= python3
BIN := .venv/bin

# The tests start the program thousands of times: without compiled files, each start compiles everything.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo demo-down films test packaging faults thousand fuzz soak lint format bench docs lock clean gnupg

.venv/%.installed: requirements/%.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "dmrefresh needs Python 3.11 or newer; say which: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "this Python cannot make virtual environments; on Debian and Ubuntu: sudo apt-get install python3-venv" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r $<
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

ROWS ?= 20000
ARGS ?=
WORKERS ?= 2

demo: gnupg .venv/demo.installed ## one real refresh on real parts, all of it on this machine; ROWS=20000
	@$(BIN)/python -m fixtures.demo run --rows $(ROWS)

demo-down: ## end whatever the demo still runs, and remove all it left
	@$$(test -x $(BIN)/python && echo $(BIN)/python || echo $(PYTHON)) -m fixtures.demo down

films: gnupg .venv/demo.installed ## another kind of database, and a shell to try dmrefresh on it: docs/how-to/films.md; ROWS=20000
	@$(BIN)/python -m fixtures.films.playground --rows $(ROWS)

test: gnupg .venv/dev.installed ## the quick tests, against the same real parts; ARGS='-k reader'
	$(BIN)/pytest -n $(WORKERS) --dist loadfile -m "not slow" $(ARGS)

faults: gnupg .venv/dev.installed ## every fault of the matrix and every slow test; writes docs/explanation/faults.md
	$(BIN)/pytest -n $(WORKERS) --dist loadfile -m "fault or slow" -p tests.faults.recording $(ARGS); \
	    status=$$?; $(BIN)/python -m tests.faults > docs/explanation/faults.md.new && mv docs/explanation/faults.md.new docs/explanation/faults.md; exit $$status

packaging: gnupg .venv/dev.installed ## the wheel and the source distribution, in an empty environment
	$(BIN)/pytest tests/packaging $(ARGS)

SECONDS ?= 3600

fuzz: .venv/fuzz.installed ## look for text that the reader of dumps gets wrong; SECONDS=60
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(ARGS)

thousand: gnupg .venv/dev.installed ## a refresh from each of 1,000 objects with a bit flipped, and of 1,000 cut short; SEED=17
	@$(BIN)/python -m tests.faults.thousand $(if $(SEED),--seed $(SEED)) $(ARGS)

soak: gnupg .venv/dev.installed ## an hour of refreshes and backups in which things go wrong at random; SECONDS=60 SEED=17
	@$(BIN)/python -m tests.soak --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) $(ARGS)

bench: gnupg .venv/demo.installed ## how fast it is, beside gpg | gunzip | psql; ARGS='load --megabytes 200 --rounds 3'
	@$(BIN)/python -m bench $(ARGS)

docs: .venv/docs.installed ## the site of docs/ in site/: built strictly, every link followed, nothing fetched from elsewhere
	$(BIN)/python -m documenting
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	$(BIN)/python -m documenting.site site

lint: .venv/dev.installed ## style, form and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: .venv/dev.installed ## mend what can be mended by itself
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: demo-down ## back to a fresh clone
	rm -rf .venv .films site .bench .fuzz .soak .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

gnupg: # the one system package; said before anything is installed
	@$(PYTHON) -m fixtures.parts.gnupg

lock: ## write the hash-pinned requirements again (needs uv)
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header -o requirements/run.txt pyproject.toml
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --extra demo -o requirements/demo.txt pyproject.toml
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --extra dev -o requirements/dev.txt pyproject.toml
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --extra fuzz -o requirements/fuzz.txt pyproject.toml
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --extra docs -o requirements/docs.txt pyproject.toml
