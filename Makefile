# Makefile: the verbs of a working copy. All knowledge lives in pyproject.toml, setup.py, csrc/CMakeLists.txt and tox.ini.
.PHONY: serve test bench lint format clean build
PYTHON = .venv/bin/python

serve: build
	$(PYTHON) -m fasterapi_asgi --app-dir examples/bookshop main:app

test: build
	$(PYTHON) -m pytest

bench: build
	$(PYTHON) benchmarks/run.py

lint: .venv/dev.done
	$(PYTHON) -m tox run -q -e lint,types

format: .venv/dev.done
	$(PYTHON) -m ruff check --fix-only .
	$(PYTHON) -m ruff format .
	.ci/clang-format -i

clean:
	rm -rf build dist .tox .mypy_cache .pytest_cache .ruff_cache *.egg-info fasterapi_asgi/*.so

build: .venv/test.done
	@$(PYTHON) setup.py -q build_ext --inplace

.venv/%.done: pyproject.toml tests/constraints.txt .ci/bootstrap
	@.ci/bootstrap $*
