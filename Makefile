# Thin on purpose: what needs more than a line is in .ci/.

PYTHON = .venv/bin/python
ARGS =
# A browser that had no processor for half a minute says nothing of the page: what has failed
# beside others is tried once more, alone.  What fails then has failed.
ALONE = $(PYTHON) -m pytest --last-failed --last-failed-no-failures none --write-seen=.pytest_cache/seen $(ARGS)

# Where it is set, each of a thousand processes compiles again what the others have compiled.
export PYTHONDONTWRITEBYTECODE =

help: ## say what can be made (ARGS="…" is passed on)
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST) | expand -t 20

run: .venv/.run ## start the daemon here, on its defaults; Ctrl-C ends it
	@exec .venv/bin/twistd --nodaemon --pidfile= teamchat $(ARGS)

test: .venv/.test ## run all tests
	@rm -rf .pytest_cache/seen
	$(PYTHON) -m pytest -n 3 --dist loadfile --no-loadscope-reorder --write-seen=.pytest_cache/seen $(ARGS) || $(ALONE)
	@[ -n "$(ARGS)" ] || $(PYTHON) -m pytest -n 2 --dist loadfile -m "not real" --postgres @.ci/on-postgres
	@[ -n "$(ARGS)" ] || $(PYTHON) -m pytest --seen=.pytest_cache/seen tests/test_coverage_of_contract.py

quick: .venv/.test ## run the tests that start no daemon, socket or process
	QUICK=1 $(PYTHON) -m pytest -m "not real" --ignore tests/real -n 2 --dist loadfile $(ARGS)

check: .venv/.test ## look for mistakes and bad form
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy -p teamchatd

deb: ## make a package for this Debian, in dist/; EXTRAS as with install
	@EXTRAS="$(EXTRAS)" .ci/deb

bench: .venv/.test ## measure (needs a C compiler)
	@.ci/setup compiler
	@.ci/setup peers
	$(PYTHON) -m tests.bench $(ARGS)

bench-report: ## measure all, and write it down in tests/bench/
	@$(MAKE) --no-print-directory bench ARGS="--full --report tests/bench $(ARGS)"

screens: .venv/.test ## take pictures of all screens of the page, for looking at, into build/screens
	$(PYTHON) -m tests.real.page.shots $(ARGS)

install: ## put it under PREFIX (/opt/teamchat), with units for systemd; EXTRAS=postgres for a record there; for root
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" UNITS="$(UNITS)" BIN="$(BIN)" EXTRAS="$(EXTRAS)" PYTHON="$(filter-out .venv/bin/python,$(PYTHON))" .ci/install install

uninstall: ## remove that again; data and configuration stay
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" UNITS="$(UNITS)" BIN="$(BIN)" .ci/install uninstall

try-units: .venv/.test ## run what install makes under a systemd of its own, out of everybody's way; for root
	@.ci/try-units

clean: ## remove what make made; the data stays
	rm -rf .venv build dist tests/bench/build *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache
	rm -f twisted/plugins/dropin.cache
	find teamchatd twisted tests -name __pycache__ -prune -exec rm -rf {} +

# Two, so that `make run` does not wait for tools it does not use.
.venv/.run: setup.py .ci/setup
	@.ci/setup run
	@touch $@

.venv/.test: .venv/.run
	@.ci/setup test
	@touch $@

.PHONY: help run test quick check bench bench-report screens install uninstall try-units deb clean
