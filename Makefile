# What there is to do in a checkout. `make setup` first; it needs root where packages are missing.
PYTHON := .venv/bin/python
KERNEL ?= namespace

.PHONY: help setup lint test long effects releases tc-testing machines properties conformance measuring coverage docs galaxy integration matrix images demo profiles lock changelog lint-changelog clean

help:
	@sed -n 's/^\([a-z-]*\):.*## /make \1: /p' $(MAKEFILE_LIST)

setup: ## the machine's packages, and .venv from requirements-dev.lock; quick when nothing is missing
	@tools/setup.sh

lint: setup ## ruff, mypy, shellcheck, ansible-lint, changelog, the docs' site, galaxy-importer
	@$(PYTHON) tools/check.py lint

test: setup ## every check, and a test of each kind of behaviour, with a summary of what was skipped and why; twenty-five minutes at most
	@$(PYTHON) tools/check.py

long: setup ## the tests that make test leaves out for their length; forty minutes, as root
	@$(PYTHON) tools/check.py long

properties: setup ## round trips of random plans from random states, 500 in namespaces and 50 on a VM; every power cut; tools and disks that fail; plans side by side
	@NETOPT_EXAMPLES=$${NETOPT_EXAMPLES:-500} NETOPT_VM_EXAMPLES=$${NETOPT_VM_EXAMPLES:-50} \
	  NETOPT_SEQUENCES=$${NETOPT_SEQUENCES:-300} NETOPT_STRIKES=$${NETOPT_STRIKES:-50} \
	  $(PYTHON) -m pytest tests/faults/test_roundtrip.py tests/faults/test_vm_reboot.py \
	  tests/faults/test_side_by_side.py tests/faults/test_three_plans.py \
	  tests/faults/test_kill.py tests/faults/test_tools.py tests/faults/test_storage.py \
	  tests/faults/test_others.py tests/faults/test_extend.py tests/faults/test_confirm_by_shell.py

effects: setup ## the table of effects: what packets meet is what a plan says; real packets, minutes, as root
	@$(PYTHON) -m tests.effects

releases: setup ## each kind of change, there and back, with the tools and kernels of other releases; an hour, as root
	@$(PYTHON) tools/check.py releases

tc-testing: setup ## the states of the kernel's own tests of tc, there and back, on user-mode Linux; up to an hour, as root
	@$(PYTHON) -m tests.tc_testing

machines: setup ## what make long does on emulated machines with systemd: each qdisc, restarts; and the role; twenty minutes, as root
	@$(PYTHON) tools/check.py e2e-vm-long molecule-vm

conformance: setup ## the MCP server against clients and suites by others, and under load; takes minutes
	@tools/setup_node.sh
	@$(PYTHON) tools/check.py conformance

measuring: setup ## verdicts under netem on a VM, throughput between lab hosts; twenty minutes
	@$(PYTHON) tools/check.py measuring

coverage: setup ## how much of the code on hosts the unit tests reach, line by line; as root, and nine tenths at least
	@$(PYTHON) tools/check.py coverage

docs: setup ## the site of modules and guides, in build/site; any warning fails it
	@$(PYTHON) -m tools.docs

galaxy: setup ## build the collection and import it as Galaxy does
	@$(PYTHON) -m tools.galaxy_import

integration: setup ## every module on a lab host by ansible-test: in check mode, for real, and again; a minute
	@tools/ansible_test.sh integration

matrix: setup ## ansible-core 2.16 to 2.21 on the controller, Python 3.8 to 3.14 on hosts; NETOPT_PYTHONS=FOLDERS
	@$(PYTHON) -m tools.matrix

images: setup ## build the images of contrib and run them against lab hosts; as root, installs podman; ten minutes
	@$(PYTHON) -m tools.images

demo: setup ## the main job on three lab hosts; KERNEL=vm for hosts with the distribution's own kernel
	@$(PYTHON) demo/run.py --kernel $(KERNEL)

profiles: setup ## measure each profile against the kernel's defaults on two paths or more, on user-mode Linux; an hour
	@$(PYTHON) -m benchmarks.profiles

lock: setup ## resolve the development tools anew
	.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --upgrade \
	  --all-extras --group dev pyproject.toml -o requirements-dev.lock

changelog: setup ## turn the fragments into the changelog of the version in galaxy.yml
	cd ansible_collections/netopt/linux && PATH="$(CURDIR)/.venv/bin:$$PATH" antsibull-changelog release \
	  --update-existing --reload-plugins --refresh-plugins

lint-changelog:
	@$(PYTHON) tools/check.py changelog

clean: ## labs, caches and .venv; the VM image stays in the user's cache
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m mcp_bridge.lab down --all; fi
	rm -rf .venv .ansible .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info \
	  tests/conformance/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
