# Every target works on a fresh checkout: its requirements are installed first, and only once.

SHELL := /bin/bash
PYTHON ?= $(firstword $(shell command -v python3.11 python3.12 python3.13 python3))
VENV := .venv
IN_VENV := $(VENV)/bin/python -m
# A virtual environment whose Python has disappeared (an upgrade, a moved folder) is created again.
STALE := $(shell $(VENV)/bin/python -m pip --version >/dev/null 2>&1 || echo stale)

# Otherwise every process that a test starts would compile all modules, in an environment that forbids to keep them.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help run test test-postgres test-thorough test-pgbouncer check-machines check-fresh judge bench lint format clean chromium screenshots stale

help:
	@echo 'make run            start Dubroom on http://127.0.0.1:8000/ (PORT=8080 for another port)'
	@echo 'make test           check everything, with SQLite and the embedded broker'
	@echo 'make test-postgres  run the tests with PostgreSQL and Redis'
	@echo 'make test-thorough  run the tests that the suite leaves out because they take long'
	@echo 'make test-pgbouncer run the tests of the database and of workers through PgBouncer in transaction mode'
	@echo 'make check-machines try two web servers and four workers in network namespaces of their own (needs root)'
	@echo 'make check-fresh    try the two commands of README in a minimal Debian, which it installs (needs root)'
	@echo 'make judge          judge every page by axe at six sizes, the Nu HTML checker and Lighthouse (needs Node.js, Java)'
	@echo 'make screenshots    take the pictures of README anew, from a new installation with the demo'
	@echo 'make bench          measure refreshing, searching, reading, pages and load, against their best possible times'
	@echo 'make lint           check style, types, the direction of imports and migrations'
	@echo 'make format         format the code'
	@echo 'make clean          remove the environment and caches; data/ stays'

run: $(VENV)/requirements.txt
	@exec $(VENV)/bin/python manage.py start

test: lint chromium
	@$(IN_VENV) pytest -n 3

test-postgres: $(VENV)/requirements-dev.txt chromium
	@.ci/with-services $(IN_VENV) pytest -n 3 $(PYTEST)

judge: $(VENV)/requirements-dev.txt chromium
	@command -v npm >/dev/null && command -v java >/dev/null || { echo 'The judges need Node.js and Java.' >&2; exit 1; }
	@npm install --silent --no-audit --no-fund --prefix $(VENV)/judges vnu-jar@26.9.27 lighthouse@12.8.2
	@JUDGES=$(VENV)/judges $(IN_VENV) pytest -n 2 tests/browser/judge.py

test-thorough: $(VENV)/requirements-dev.txt
	@$(IN_VENV) pytest -n 3 -m thorough

screenshots: $(VENV)/requirements-dev.txt chromium
	@$(IN_VENV) tests.browser.screenshots

test-pgbouncer: $(VENV)/requirements-dev.txt
	@.ci/with-services .ci/with-pgbouncer $(IN_VENV) pytest -n 1 tests/results tests/teams tests/worker \
		tests/dashboard/api

check-machines: $(VENV)/requirements-dev.txt
	@.ci/check-machines $(IN_VENV) pytest tests/worker/machines.py

check-fresh:
	@.ci/check-fresh

bench: $(VENV)/requirements-dev.txt
	@$(IN_VENV) benchmarks.refresh
	@$(IN_VENV) benchmarks.search --database sqlite
	@$(IN_VENV) benchmarks.reading
	@$(IN_VENV) benchmarks.pages
	@$(IN_VENV) benchmarks.load --lines 100000

lint: $(VENV)/requirements-dev.txt
	@$(IN_VENV) ruff check .
	@$(IN_VENV) ruff format --check .
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && export DUBROOM_DATA_DIR="$$folder" && \
		$(IN_VENV) mypy . && \
		$(VENV)/bin/python $(VENV)/bin/lint-imports && \
		$(VENV)/bin/python manage.py makemigrations --check --dry-run

format: $(VENV)/requirements-dev.txt
	@$(IN_VENV) ruff check --fix .
	@$(IN_VENV) ruff format .

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -prune -exec rm -rf {} +

# The copy of the requirements inside the environment records which are installed there.
$(VENV)/%.txt: %.txt requirements.txt $(STALE)
	@if [ -n "$(STALE)" ]; then \
		[ -n "$(PYTHON)" ] && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
			|| { echo 'Dubroom needs Python 3.11 or newer. Install it, or name it: make PYTHON=/path/to/python3' >&2; exit 1; }; \
		$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
			|| { echo "Python's venv module is missing. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }; \
		$(PYTHON) -m venv --clear $(VENV); \
	fi
	@echo 'Installing $< ...'
	@$(IN_VENV) pip install --quiet --disable-pip-version-check --no-input --requirement $< \
		|| { echo 'The packages of $< could not be installed; pip says why above.' >&2; exit 1; }
	@cp $< $@

# The headless shell is enough, and cheaper to run; an installed Chromium is used as it is.
chromium: CHROMIUM := chromium-headless-shell fonts-noto-core fonts-noto-cjk
chromium:
	@{ command -v chromium-headless-shell || command -v chromium; } >/dev/null && exit; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo 'The browser tests need Chromium. On Debian: sudo apt install $(CHROMIUM)' >&2; exit 1; \
	fi; \
	apt-get update --quiet=2 && DEBIAN_FRONTEND=noninteractive \
		apt-get install --quiet=2 --yes --no-install-recommends $(CHROMIUM)
