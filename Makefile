# Slipway's commands. Needs make and python3 (3.11 to 3.13); the rest is installed, saying what.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/slipway
VENV := $(CURDIR)/.venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
UV := $(CACHE)/uv-$(UV_VERSION)/bin/uv
PINS := requirements.txt requirements-dev.txt pyproject.toml
COMPILE := $(UV) pip compile -q --python-version 3.11 --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make requirements"

# Most tests wait for servers: several wait at once (tests/groups.py says which must not).
WORKERS ?= $(shell expr $$(nproc) + 2)
SIDE_BY_SIDE := python -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder -m "not alone and not release"
KUBERNETES_TESTS := tests/lab/test_kubernetes.py tests/systems/kubernetes tests/tenants tests/dags/test_deploy.py
ALONE := python -m pytest -m "alone and not release"
# What was asked for, in order and one after the other; it may name markers itself.
SELECTED = python -m pytest --durations=10 -m "not release" $(ARGS)
UNIT := python -m pytest -q --durations=10 -n $(shell expr $$(nproc) + 1) --dist loadscope --no-loadscope-reorder \
	-m "not lab and not root and not slow and not alone and not release"
ROUNDS ?= 3
export PUSHES ?= 500
HISTORY ?= 200000

# The lab's servers that an installation by Compose talks to.
COMPOSE_NEEDS := engine dockerhub artifactory git kubernetes nova ironic

# Last, the lab's own docker, packer and kubectl, for machines that have none.
export PATH := $(BIN):$(PATH):$(CURDIR)/.lab/bin
# A Python that writes no bytecode takes twice the time to start.
unexport PYTHONDONTWRITEBYTECODE PYTHONPATH VIRTUAL_ENV

.PHONY: help host venv whole-lab lab-up lab-down lab-status lab-restart airflow test test-unit test-stability test-release test-pushes test-aged test-machine test-tenants test-kubernetes lint demo compose-env compose-test screenshots bench requirements debian-pins clean

# What a target needs is done from left to right: `host` before anything is installed.
.NOTPARALLEL:

help: ## List the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

demo: host venv whole-lab ## Push an example application twice, from git push to a page served by Kubernetes
	@slipway demo

ifeq ($(strip $(ARGS)),)
# The checks run while the lab starts, which mostly waits.
test: host venv ## Run every check and test, with the lab; ARGS="tests/lab -k git": only these, without lint
	@was_up=; [ ! -e .lab ] || was_up=yes; code=0; \
	$(MAKE) --no-print-directory lint > .lint.log 2>&1 & lint=$$!; \
	python -m lab up --profile hypervisor || code=$$?; \
	wait $$lint || code=$$?; cat .lint.log; \
	if [ $$code = 0 ]; then $(SIDE_BY_SIDE) || code=$$?; $(ALONE) || code=$$?; fi; \
	if [ -z "$$was_up" ]; then python -m lab down || code=1; fi; \
	exit $$code
else
# On the lab that is up. One that is down is started only when a test needs it, and goes down again.
test: host venv
	@if [ -e .lab ] || ! python -m tests.needs $(ARGS); then exec $(SELECTED); fi; \
	code=0; { python -m lab up --profile hypervisor && $(SELECTED); } || code=$$?; \
	python -m lab down || code=1; \
	exit $$code
endif

test-unit: venv ## Run the fast tests, without lab and root: about a minute on two cores
	@$(UNIT) $(ARGS)

test-stability: host venv ## Run ROUNDS=3 of all tests in random order under load; SEED=... repeats one
	@was_up=; [ ! -e .lab ] || was_up=yes; code=0; \
	if [ -n "$$was_up" ] || ! python -m tests.needs $(ARGS); then was_up=yes; \
	else python -m lab up --profile hypervisor || code=$$?; fi; \
	[ $$code != 0 ] || python -m tests.stability --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED)) -- $(ARGS) || code=$$?; \
	if [ -z "$$was_up" ]; then python -m lab down || code=1; fi; \
	exit $$code

test-tenants: host venv whole-lab ## Test tenants with kubectl on real API servers (RBAC, then ABAC) and the real Keystone
	@python -m pytest -q tests/tenants $(ARGS)

test-kubernetes: host venv whole-lab ## Test rollouts, manifests and tenants on the lab's cluster; KUBERNETES=1.20: the oldest supported
	@python -m pytest -q $(KUBERNETES_TESTS) $(ARGS)

test-pushes: host venv ## Send PUSHES=500 pushes while PostgreSQL, an API server and the scheduler fail, without the lab (minutes)
	@python -m pytest -q -s -m release tests/pushes $(ARGS)

test-aged: host venv ## Test what an installation costs that has a year of pushes (HISTORY=200000), beside its first day
	@was_up=; [ ! -e .lab ] || was_up=yes; code=0; \
	{ python -m lab up postgres && SLIPWAY_AGED_PUSHES=$(HISTORY) python -m pytest -q tests/aged -m release $(ARGS); } || code=$$?; \
	if [ -z "$$was_up" ]; then python -m lab down || code=1; fi; \
	exit $$code

test-release: host venv ## Test releases on all platforms, random histories, failed builds, killed servers (an hour); fresh machines (hours)
	@$(MAKE) --no-print-directory test-pushes ARGS=
	@python -m lab up --profile hypervisor
	@SLIPWAY_AGED_PUSHES=$(HISTORY) python -m pytest -q tests/aged -m release $(ARGS)
	@python -m pytest -q tests/release -m "not short" $(ARGS)
	@python -m pytest -q tests/dags tests/systems -m release $(ARGS)
	@SLIPWAY_EXAMPLES=all python -m pytest -q tests/flow tests/server/webhook/test_{budget,fuzz,github,schemas}.py $(ARGS)
	@python -m pytest -q tests/compose -m release $(ARGS)
	@python -m lab.machine 12
	@python -m lab.machine 13

compose-env: ## Write .env and slipway.env for docker-compose.yaml, with new secrets; existing values stay
	@python3 compose/environment.py

compose-test: host venv ## Install by docker-compose.yaml on the lab's engine, then build and deploy a push (minutes)
	@was_up=; [ ! -e .lab ] || was_up=yes; code=0; \
	{ python -m lab up $(COMPOSE_NEEDS) && python -m pytest -q tests/compose -m release $(ARGS); } || code=$$?; \
	if [ -z "$$was_up" ]; then python -m lab down || code=1; fi; \
	exit $$code

test-machine: host venv ## Test the lab and a push on a fresh, emulated Debian: DEBIAN=12 or 13 (an hour or more)
	@python -m lab.machine $(or $(DEBIAN),12) $(ARGS)

screenshots: host venv whole-lab ## Take the pictures in docs/images again
	@SLIPWAY_SCREENSHOTS=1 python -m pytest -q tests/browser $(ARGS)

bench: host venv whole-lab ## Measure speed, compared with the bare tools
	@python -m benchmarks $(ARGS)

lint: venv ## Check style, types and import directions
	@echo "ruff, mypy, import contracts"
	@ruff check .
	@ruff format --check .
	@mypy
	@lint-imports

# For targets whose ARGS are no servers' names.
whole-lab:
	@python -m lab up $(if $(KUBERNETES),--kubernetes $(KUBERNETES))

lab-up: host venv ## Start the lab's servers that are not up; PROFILE=hypervisor: Nova boots machines; KUBERNETES=1.20: the oldest
	@python -m lab up $(if $(PROFILE),--profile $(PROFILE)) $(if $(KUBERNETES),--kubernetes $(KUBERNETES)) $(ARGS)

lab-down: venv ## Stop the lab's servers and remove their state
	@python -m lab down

lab-status: venv ## Show which servers are up, and where
	@python -m lab status || true

lab-restart: venv ## Restart servers: make lab-restart ARGS=airflow
	@python -m lab restart $(ARGS)

airflow: venv ## Run Airflow's command on the lab: make airflow ARGS="dags list"
	@[ -x .lab/bin/airflow ] || { echo "the lab is not up: make lab-up" >&2; exit 1; }
	@.lab/bin/airflow $(ARGS)

# By any Python, with its standard library alone: one line says what will not do.
host:
	@command -v python3 > /dev/null || { echo "lab: python3 is missing; install it: apt-get install python3" >&2; exit 1; }
	@python3 -m lab.host

# The stamp holds the pins' hash: files that only look newer, as after a checkout, install nothing.
venv: $(UV) ## Install the pinned packages into .venv
	@hash=$$(sha256sum $(PINS) | sha256sum | cut -c1-64); \
	if [ "$$(cat $(VENV)/.pins 2>/dev/null)" != "$$hash" ]; then \
	  echo "installing the pinned packages into .venv"; \
	  [ -x $(BIN)/python ] || $(UV) venv -q --python python3 $(VENV); \
	  $(UV) pip sync -q --python $(BIN)/python requirements-dev.txt; \
	  $(UV) pip install -q --python $(BIN)/python --no-deps -e .; \
	  echo "$$hash" > $(VENV)/.pins; \
	fi

$(UV):
	@python3 -c 'import ensurepip, venv' 2>/dev/null || { \
	  [ "$$(id -u)" = 0 ] || { echo "python3-venv is missing; as root: apt-get install python3-venv" >&2; exit 1; }; \
	  echo "installing python3-venv with apt"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv; \
	}
	@echo "installing uv $(UV_VERSION)"
	@python3 -m venv $(CACHE)/uv-$(UV_VERSION)
	@$(CACHE)/uv-$(UV_VERSION)/bin/pip install -q --disable-pip-version-check uv==$(UV_VERSION)

requirements: $(UV) ## Resolve requirements*.in into requirements*.txt again
	@for name in requirements requirements-dev lab/openstack/requirements; do \
	  echo "resolving $$name.in"; \
	  constraint=; [ $$name != requirements-dev ] || constraint="-c requirements.txt"; \
	  $(COMPILE) $$constraint $$name.in -o $$name.txt > /dev/null; \
	  { sed 's/^\([^#]\)/# \1/' $$name.in; echo '#'; cat $$name.txt; } > $$name.new; \
	  mv $$name.new $$name.txt; \
	done

debian-pins: venv ## Pin the current versions of the lab's packages from Debian's archive
	@python -m lab.archive

clean: ## Remove .venv and the checkers' caches (not the lab)
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
