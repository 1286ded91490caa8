# Everything that a newcomer or a machine runs. Each target makes the virtual environment it needs, once, and makes it
# again only when pyproject.toml or this file changed. PYTHON=… picks an interpreter, ARGS=… is handed on.

.DEFAULT_GOAL := help
.PHONY: help demo demo-llama-index sandbox test check wheel bench clean
.DELETE_ON_ERROR:

ARGS ?=
DEV := .venv/bin/python
DEMO := .venv-demo/bin/python
DEMO_LLAMA_INDEX := .venv-demo-llama-index/bin/python
BENCH := .venv-bench/bin/python

# $(call environment,folder,extras,group): the first interpreter that is new enough and can make environments makes one.
# pip is renewed first because `--group` came with pip 25.1. Paths stay relative, so the checkout may stand anywhere.
define environment
	@set -e; \
	for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14 python; do \
	    if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	    then found=$$python; break; fi; \
	done; \
	if [ -z "$${found:-}" ]; then \
	    echo 'maaskit needs Python 3.11 or newer with its venv module; none was found.' >&2; \
	    echo 'Install one, or name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)' >&2; exit 1; \
	fi; \
	echo "Making $(1) with $$("$$found" --version) (once; a minute or two) …"; \
	"$$found" -m venv $(1); \
	$(1)/bin/python -m pip install -qq --upgrade 'pip>=25.1'; \
	$(1)/bin/python -m pip install -qq --editable '.[$(2)]' --group $(3); \
	touch $(1)/.ready
endef

help: ## show this list
	@echo 'maaskit: make demo, then make test. All targets:'
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r name text; do \
	    printf '  make %-17s %s\n' "$$name" "$$text"; done

demo: .venv-demo/.ready ## read a PDF and a scan, and let an agent answer from them (no key needed)
	@$(DEMO) cookbook/read_documents_and_answer.py $(ARGS)

demo-llama-index: .venv-demo-llama-index/.ready ## the same with LlamaIndex in place of LangChain
	@$(DEMO_LLAMA_INDEX) cookbook/read_documents_and_answer_with_llama_index.py $(ARGS)

sandbox: .venv-demo/.ready ## run both clouds on loopback; prints the export lines that point a shell at them
	@$(DEMO) -m maaskit.sandbox $(ARGS)

# Two processes, a file each at a time: an engine that waits holds up one of them only.
test: .venv/.ready ## run all tests
	@$(DEV) -m pytest -n 2 --dist loadfile --benchmark-disable $(ARGS)

check: .venv/.ready ## lint, format, types, layers and docstrings
	$(DEV) -m ruff check .
	$(DEV) -m ruff format --check .
	$(DEV) -m mypy
	.venv/bin/lint-imports --no-logo
	$(DEV) .ci/docstrings.py

wheel: .venv/.ready ## build the wheel and try each extra alone in a clean environment
	@$(DEV) .ci/wheel.py $(ARGS)

bench: .venv-bench/.ready ## measure maaskit beside its peers
	@$(BENCH) tests/benchmarks/run.py $(ARGS)

clean: ## remove the environments and everything that was built
	rm -rf .venv .venv-demo .venv-demo-llama-index .venv-bench build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

.venv/.ready: pyproject.toml Makefile
	$(call environment,.venv,all$(comma)sandbox,dev)

.venv-demo/.ready: pyproject.toml Makefile
	$(call environment,.venv-demo,langchain$(comma)kodo$(comma)sandbox,demo)

.venv-demo-llama-index/.ready: pyproject.toml Makefile
	$(call environment,.venv-demo-llama-index,llama-index$(comma)sandbox,demo-llama-index)

.venv-bench/.ready: pyproject.toml Makefile
	$(call environment,.venv-bench,langchain$(comma)llama-index,bench)

comma := ,
