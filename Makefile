# Thin over eng/*.sh: each target installs what it needs on a fresh Debian 12 with the .NET 10 SDK.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run serve build native test check format bench deb model hooks clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

run: ## build, start the appliance on loopback, run examples/triage on the box's own model, stop
	@eng/run.sh

serve: ## build and run the daemon in the foreground (ARGS="--listen http://127.0.0.1:7470")
	@eng/serve.sh $(ARGS)

build: ## out/jesus, the Native-AOT daemon
	@eng/build.sh

native: ## out/native/, the kernels as a static and a shared library
	@eng/native.sh

test: ## every test; the last line alone is the count
	@eng/test.sh

check: ## format, analysers, layering, dead links
	@eng/check.sh

format: ## rewrite the C# sources to the house format
	@eng/format.sh

bench: ## every bench, with the peer or the limit beside
	@eng/bench.sh

deb: ## out/jesus_VERSION_amd64.deb
	@eng/deb.sh

model: ## train models/jesus-nano.gguf again (about an hour on 2 cores)
	@models/train/train.sh

hooks: ## a pre-commit hook that runs the fast part of `make check`
	@eng/hooks.sh

clean: ## remove what the build made
	@rm -rf out artifacts; find src tests bench -type d \( -name bin -o -name obj \) -prune -exec rm -rf {} +
