# The two commands are `make up` and `make test`; everything else serves those who change Handrail.
PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin

# Every process that starts would compile 1,500 modules again (three seconds) where the machine's environment forbids to keep them.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: up test coverage check bench lock texts

up: $(VENV)/base.stamp
	$(BIN)/python manage.py up --port $(PORT)

test: $(VENV)/dev.stamp
	$(BIN)/python -m tests.chromium
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

# Measuring makes the tests half as slow again, so it is a target of its own; below 95 % of the four apps it fails.
coverage: $(VENV)/dev.stamp
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto --dist loadfile --no-loadscope-reorder
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

check: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy .
	$(BIN)/djlint --lint templates
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null
	HANDRAIL_PUBLIC_URL=https://handrail.example ALLOWED_HOSTS=handrail.example SECRET_KEY="$$(head -c 48 /dev/urandom | base64)" \
	  $(BIN)/python manage.py check --deploy --fail-level WARNING

bench: $(VENV)/dev.stamp
	$(BIN)/python -m tests.benchmarks $(BENCH)

# For those who change texts; needs gettext. The compiled file is kept, so that whoever only runs Handrail needs none.
texts: $(VENV)/base.stamp
	$(BIN)/python manage.py makemessages
	$(BIN)/python manage.py compilemessages --ignore $(VENV) --ignore var

lock: $(VENV)/tools.stamp
	for set in tools base dev; do \
	  $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    requirements/$$set.in --output-file requirements/$$set.txt || exit 1; \
	done

# uv installs in seconds what pip installs in a minute; where it cannot, pip does, from the same hashes.
INSTALL := install --quiet --require-hashes -r
PIP := $(PYTHON) -m pip --python $(BIN)/python --disable-pip-version-check $(INSTALL)

# A Python without pip is most often that of an activated environment which uv or `--without-pip` made.
NO_PIP := echo "$(PYTHON) has no pip, which fetches the libraries. Is another virtual environment active? Leave it (deactivate) and try \
again, or name a Python that has pip: make $(MAKECMDGOALS) PYTHON=/usr/bin/python3" >&2; exit 1

$(VENV)/tools.stamp: requirements/tools.txt
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || { $(NO_PIP); }
	$(PYTHON) -m venv --without-pip $(VENV)
	$(PIP) $<
	@touch $@

$(VENV)/base.stamp $(VENV)/dev.stamp: $(VENV)/%.stamp: requirements/%.txt $(VENV)/tools.stamp
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip $(INSTALL) $< || $(PIP) $<
	@touch $@
