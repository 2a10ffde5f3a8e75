# SPDX-License-Identifier: Apache-2.0
# Everything a contributor does, as one word each. The work is done by CMake, Ninja and CTest inside
# the development root that tools/dev/env makes on first use: nothing else needs installing.

SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

ENV := tools/dev/env
JOBS ?= $(shell nproc)

# Settings of `make run`. Without PROMPT the command asks a question of its own; ONCE=1 ends the suite
# after the answer.
PORT ?= 50051
MODEL ?= models/tiny/tiny-chasqui-q8_0.gguf
WORKERS ?= 2
PROMPT ?=
ONCE ?=

# The value of a variable as one word of the shell, whatever is in it: neither make nor the shell
# expands it further.
define newline


endef
quoted = $$'$(subst $(newline),\n,$(subst ',\',$(subst \,\\,$(value $(1)))))'

# Make would expand what it exports once more.
unexport PORT MODEL WORKERS PROMPT ONCE

# $(call build,PRESET,TARGET...): configures once, then lets Ninja see to the rest.
build = $(ENV) bash -c '[ -f build/$(1)/build.ninja ] || cmake --preset $(1) && ninja -j $(JOBS) -C build/$(1) $(2)'
# $(call ctest,PRESET,OPTIONS)
ctest = $(ENV) ctest --test-dir build/$(1) --output-on-failure --no-tests=error -j $(JOBS) $(2)

# Folders with a package-lock.json; the stamp is the file npm itself writes last.
NPM_STAMPS := $(patsubst %/package-lock.json,%/node_modules/.package-lock.json,\
  $(wildcard tests/*/package-lock.json tests/*/*/package-lock.json))

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

.PHONY: env
env: ## make the development root (the other targets do so when they need it)
	@$(ENV) --root

.PHONY: build
build: ## compile everything, tests included (build/release)
	@$(call build,release)

.PHONY: run
run: build ## start the suite and stream an answer; PORT= MODEL= WORKERS= PROMPT= ONCE=1
	@exec $(ENV) build/release/bin/chasqui up --port $(call quoted,PORT) \
	  --model $(call quoted,MODEL) --workers $(call quoted,WORKERS) \
	  $(if $(value PROMPT),--prompt $(call quoted,PROMPT)) $(if $(value ONCE),--once)

.PHONY: test
test: build npm ## run all tests: unit, integration, e2e, clients, lint
	@$(call ctest,release)

.PHONY: npm
npm: $(NPM_STAMPS)

%/node_modules/.package-lock.json: %/package-lock.json
	@$(ENV) bash -c 'cd $* && npm ci --no-audit --no-fund && touch node_modules/.package-lock.json'

.PHONY: asan tsan
asan: ## unit and integration tests under AddressSanitizer and UBSan (build/asan)
	@$(call build,asan,chasqui_tests)
	@$(call ctest,asan,--label-regex "^(unit|integration)$$")
tsan: ## unit and integration tests under ThreadSanitizer (build/tsan)
	@$(call build,tsan,chasqui_tests)
	@$(call ctest,tsan,--label-regex "^(unit|integration)$$")

CHAOS_SECONDS ?= $(if $(QUICK),30,300)
CHAOS_SEED ?=
.PHONY: chaos
chaos: build ## two hundred streams while processes die; QUICK=1 CHAOS_SECONDS= CHAOS_SEED=
	@CHAOS_SECONDS=$(CHAOS_SECONDS) CHAOS_SEED=$(CHAOS_SEED) CHASQUI_BUILD_DIR=build/release \
	  $(ENV) python3 -m pytest -q -s -p no:cacheprovider -c tests/pytest.ini tests/chaos

FUZZERS := disk_format gbnf json_schema regex stop_matcher unpack utf8
FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz: ## run each fuzzer for FUZZ_SECONDS= (build/fuzz)
	@$(call build,fuzz,$(FUZZERS:%=fuzz_%))
	@set -e; for name in $(FUZZERS); do \
	  mkdir -p build/fuzz/corpus/$$name; \
	  $(ENV) build/fuzz/tests/fuzz/fuzz_$$name -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
	    build/fuzz/corpus/$$name tests/fuzz/corpus/$$name; done

.PHONY: bench-cache bench-router bench-worker bench-micro
bench-cache: build ## what a remembered answer costs, beside Redis, workers and nginx
	@exec $(ENV) tests/bench/cache/run
bench-router: build ## what the router costs, beside nginx and HAProxy; affinity beside least connections
	@$(ENV) tests/bench/router/run
	@exec $(ENV) tests/bench/router/affinity
bench-worker: build ## what the worker reaches, beside llama-server
	@exec $(ENV) tests/bench/worker/run
bench-micro: build ## what decisions cost alone
	@exec $(ENV) build/release/bin/chasqui-bench-micro

.PHONY: lint lint-headers tidy
lint: npm ## format, layering, banned calls, sizes, protos, shell scripts
	@[ -f build/release/build.ninja ] || $(ENV) cmake --preset release >/dev/null
	@$(call ctest,release,--label-regex "^lint$$")
lint-headers: ## each public header compiles alone
	@$(call build,dev,all_verify_interface_header_sets)
tidy: ## clang-tidy and thread-safety analysis of FILES= (default: common, services and tools)
	@$(ENV) tools/dev/tidy $(FILES)

.PHONY: format
format: ## format all C++ files in place
	@$(ENV) tests/lint/format.sh --fix

.PHONY: docs
docs: ## write docs/configuration.md from the comments of the configuration schemas
	@$(ENV) tools/dev/config_docs.py --write

.PHONY: shell
shell: ## a shell where the dependencies are
	@exec $(ENV) bash

.PHONY: clean
clean: ## remove the build tree (the development root and the compiler cache stay)
	rm -rf build
