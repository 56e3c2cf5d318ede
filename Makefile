# `make demo` and `make test` need python3 (3.11 or later, with venv), git and make: nothing else.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

# With it set, as in many a container, every process would compile every module of ours anew: each `berth` that a test
# starts, each worker of pytest, and each run of a workflow, which loads its modules in a sandbox of its own.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo test check lock docs site screenshots bench histories clean

install: $(STAMP)

demo: $(STAMP)
	@$(BIN)/berth demo

test: check
	@echo "== tests (pytest)"
	@$(BIN)/python -m pytest -n 4 --dist worksteal $(PYTEST)

check: $(STAMP)
	@echo "== ruff"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo "== mypy --strict"
	@$(BIN)/mypy
	@echo "== import-linter: the arrows between the rooms"
	@$(BIN)/lint-imports

# The stamp is written last, so an interrupted installation starts again.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Berth needs Python 3.11 or later, this is " + sys.version.split()[0] + ": run make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	@echo "== creating .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv
	@echo "== installing the locked dependencies, every file checked against its hash (a minute or two, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@echo "== installing berth itself"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

lock: $(STAMP)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --extra dev \
	  --output-file requirements.lock pyproject.toml

docs: $(STAMP)
	@$(BIN)/python -c "from tenancy.reference import reference; print(reference(), end='')" > docs/reference/documents.md
	@$(BIN)/python -c "from workers.settings import settings_reference; print(settings_reference(), end='')" > docs/reference/settings.md
	@$(BIN)/python -c "from clients.devices.reference import reference; print(reference(), end='')" > docs/reference/switches.md
	@$(BIN)/python -c "from cli.reference import cli_reference; print(cli_reference(), end='')" > docs/reference/cli.md
	@$(BIN)/python -c "from cli.reference import errors_reference; print(errors_reference(), end='')" > docs/reference/errors.md
	@$(BIN)/python -c "from clients.devices.routers.reference import reference; print(reference(), end='')" > docs/reference/routers.md
	@$(BIN)/python -c "from activities.metrics import metrics_reference; print(metrics_reference(), end='')" > docs/reference/metrics.md
	@{ printf '# Made by `make docs` from alerts.yaml: change that, not this file.\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\n'; \
	  printf 'metadata: {name: berth}\nspec:\n'; sed -n '/^groups:/,$$p' deploy/monitoring/alerts.yaml | sed 's/^\(.\)/  \1/'; } > deploy/monitoring/prometheusrule.yaml

# Fetches nothing; fails on a warning (with --quiet it would not), as of a link or an anchor that leads nowhere.
site: $(STAMP)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Needs Chromium.
screenshots: $(STAMP)
	@$(BIN)/python -m tools.screenshots

bench: $(STAMP)
	@$(BIN)/python -m bench

histories: $(STAMP)
	$(BIN)/python -m tests.workflows.histories

clean:
	rm -rf .venv .berth site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
