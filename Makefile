# The two commands of the README are `make demo` and `make test`; each sets up .venv if it has to.
PYTHON ?= python3
BIN := .venv/bin
# Some machines export PYTHONPATH or PIP_* settings for other projects; the lock file is what counts here.
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test lint types fast slow torture lock sample notebooks columns bench bench-peers bench-lock bench-extraction \
	bench-rules clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 20

$(INSTALLED): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, this is " + sys.version)'
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes --only-binary :all: -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@touch $@

install: $(INSTALLED) ## make .venv with the locked dependencies

demo: $(INSTALLED) ## crawl the bundled network of sites into data/demo
	@$(BIN)/archiver demo

test: lint types fast slow ## lint, type-check and test everything

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

fast: $(INSTALLED) ## the tests that take seconds
	$(BIN)/pytest -n auto -q -m "not slow and not torture"

slow: $(INSTALLED) ## the long tests: whole crawls, wheels, faults
	$(BIN)/pytest -n auto -q -m slow

torture: $(INSTALLED) ## all tests, the long harnesses whole: kills at every point, huge pages; twenty times the examples
	$(BIN)/pytest -n auto -q --examples 20

lock: $(INSTALLED) ## pin the newest dependencies that pyproject.toml allows, with hashes
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --all-extras \
		--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" \
		pyproject.toml --output-file requirements.lock

sample: $(INSTALLED) ## crawl the bundled network into data/sample anew, at simulated times
	$(BIN)/python -m archiver.demo.sample data/sample

notebooks: $(INSTALLED) ## run the notebooks on the sample; build/notebooks has them as pages that need no network
	cd notebooks && ../$(BIN)/python -m nbconvert --execute --to html --template offline \
		--TemplateExporter.extra_template_basedirs=templates --output-dir ../build/notebooks *.ipynb

columns: $(INSTALLED) ## rewrite the README's table of columns and data/views.sql from archiver/items.py
	$(BIN)/python -m archiver.schema README.md
	$(BIN)/archiver sql --views >data/views.sql

# The bench has an environment of its own: the peers are no dependency of the project. The lock is complete, hence --no-deps.
bench/.venv/.installed: bench/extraction/peers.lock pyproject.toml
	@test -x bench/.venv/bin/python || $(PYTHON) -m venv bench/.venv
	bench/.venv/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes --no-deps -r bench/extraction/peers.lock
	bench/.venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@touch $@

bench-extraction: bench/.venv/.installed ## score and time extraction against its peers: ARGS="--pages DIR --write"
	@bench/.venv/bin/python -m bench.extraction.run $(ARGS)

bench-rules: $(INSTALLED) ## leave out each group of extraction rules and score: ARGS="--only title"
	@$(BIN)/python -m bench.extraction.ablation $(ARGS)

bench: bench-peers ## measure speed and memory beside peers; writes bench/RESULTS.md: PARTS="crawl start" ARGS="--small"
	@$(BIN)/python -m bench.run $(PARTS) $(ARGS)

# Each peer has an environment of its own: they disagree about what they need.
PEERS := feed crawlee news-please
bench-peers: $(INSTALLED) $(PEERS:%=bench/peers/%/.installed) ## make the environments of the peers

bench/peers/%/.installed: bench/speed/peers/%.lock
	@test -x bench/peers/$*/bin/python || $(PYTHON) -m venv bench/peers/$*
	bench/peers/$*/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes --no-deps -r $<
	@touch $@

bench-lock: $(INSTALLED) ## pin the newest versions of the peers
	$(BIN)/python -m pip install --quiet uv
	@for peer in $(PEERS); do $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make bench-lock" \
		bench/speed/peers/$$peer.in --output-file bench/speed/peers/$$peer.lock; done

clean: ## remove .venv, caches and data/demo
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis build dist *.egg-info data/demo
