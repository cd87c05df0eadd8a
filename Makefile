# run · test · check · format · bench · ui · faults · lock. A machine needs Python 3.11 or newer and make, nothing else.
PYTHON = .venv/bin/python
# Tests wait for the disk and for other processes a third of their time: four keep two processors busy.
ALL = --numprocesses 4 --dist worksteal $(if $(LONG),--long)
BROWSER = --numprocesses 3 --dist loadfile $(if $(LONG),--long)

.PHONY: run test check format bench screenshots ui faults lock setup

run: ## start the studio; Ctrl-C stops it
	@scripts/setup run && exec $(PYTHON) manage.py run

test: ## the whole suite, or a part: make test T=tests/test_supervisor.py. With what takes long: make test LONG=1
	@scripts/setup dev
ifdef T
	@exec $(PYTHON) -m pytest -q $(if $(LONG),--long) $(T)
else
	@$(PYTHON) -m pytest -q -m "not browser" $(ALL)
	@$(PYTHON) -m pytest -q -m browser $(BROWSER) $$(grep -rl "mark.browser" tests --include="test_*.py")
endif

check: ## lint, types, imports, templates, deployment, migrations, generated docs
	@scripts/setup dev && scripts/check

format:
	@scripts/setup dev && .venv/bin/ruff check --fix . && .venv/bin/ruff format .

bench: ## one script a claim; a table on the screen, JSON in bench/results/. A part: make bench T=jobs
	@scripts/setup dev && exec $(PYTHON) -m bench $(T)

screenshots: ## every page in both themes and two sizes, into docs/screens/
	@scripts/setup dev && exec $(PYTHON) -m scripts.screenshots

ui: ## the twenty goals of the interface; writes docs/ui-goals.md. A part: make ui T="--only sizes,axe"
	@scripts/setup dev && exec $(PYTHON) -m tests.ui $(T)

faults: ## every fault, thousands of kills, a soak of ten minutes; writes docs/faults.md. Quicker: make faults T="--minutes 1 --at-most 20"
	@scripts/setup dev && exec $(PYTHON) -m tests.faults $(T)

setup: ## .venv with the development packages
	@scripts/setup dev

lock: ## pin what pyproject.toml asks for; needs uv
	@command -v uv >/dev/null || { echo "make lock needs uv."; exit 1; }
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
		--output-file requirements.lock pyproject.toml
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --extra dev \
		--constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --extra s3 \
		--constraint requirements.lock --output-file requirements-s3.lock pyproject.toml
