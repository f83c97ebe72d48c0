# All commands of the project. `make` lists them. They need `make` and `python3`, and install the rest.

SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# Python writes byte code, so that later starts are faster. An activated virtual environment is ignored.
unexport PYTHONDONTWRITEBYTECODE VIRTUAL_ENV PYTHONPATH

STAGE ?= staging
TESTS ?= tests
WORKERS ?= auto
ARGS ?=
PORTS = $(if $(PORT),--port $(PORT)) $(if $(AWS_PORT),--aws-port $(AWS_PORT))

BIN := .venv/bin
UV := .local/tools/uv/bin/uv
LOCAL := $(BIN)/python -m local
DEPLOYMENT := $(BIN)/python -m deployment
export SAM_CLI_TELEMETRY := 0

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z -]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install the tools. Every other target runs this first.
	@python3 local/prepare.py

.PHONY: dev
dev: setup ## Run the stack on http://localhost:3000 until Ctrl-C (PORT=…, AWS_PORT=…).
	@exec $(LOCAL) dev $(PORTS)

.PHONY: stage
stage: setup ## Run a second stage next to `make dev`: STAGE=staging PORT=3001.
	@exec $(LOCAL) stage $(STAGE) $(PORTS)

.PHONY: logs
logs: setup ## Follow the logs of the functions of `make dev`.
	@exec $(LOCAL) logs

.PHONY: invoke
invoke: setup ## Run one function in Docker with its event, against `make dev`: FUNCTION=create_render.
	@exec $(LOCAL) invoke $(FUNCTION) $(if $(ARGS),--args='$(ARGS)')

.PHONY: sam-api
sam-api: setup ## Serve the routes from Docker with `sam local start-api`, against `make dev`.
	@exec $(LOCAL) sam-api $(PORTS) $(if $(ARGS),--args='$(ARGS)')

.PHONY: test
test: setup ## Run all tests (TESTS=tests/unit for some, ARGS=… for pytest).
ifeq ($(TESTS),tests)
	@# Tests that share one deployed stack run afterwards, one at a time.
	@$(BIN)/pytest tests/unit tests/functional tests/infrastructure tests/sdks -n auto --dist loadfile $(ARGS)
	@$(BIN)/pytest tests/e2e tests/browser $(ARGS)
else
	@$(BIN)/pytest -n $(WORKERS) --maxprocesses 4 $(TESTS) $(ARGS)
endif

.PHONY: check
check: setup ## Check the code: format, lint, types, imports, lock file, templates, security rules.
	@python3 local/prepare.py scan
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(UV) lock --check
	@$(BIN)/python -m tools.scan
	@$(BIN)/python -m tools.scan validate

.PHONY: audit
audit: ## Check all dependencies for known vulnerabilities. Needs the internet.
	@python3 local/prepare.py scan
	@$(BIN)/python -m tools.scan audit

.PHONY: format
format: setup ## Format the code and fix lint errors.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: chaos
chaos: setup ## Run 5,000 renders with injected faults, three times (ARGS='--seed 7 --renders 500').
	@$(BIN)/python -m tests.chaos $(ARGS)

.PHONY: screenshots
screenshots: setup ## Update the screenshots of the dashboard and the embedded page in docs/.
	@$(BIN)/python -m tools.screenshots
	@$(BIN)/python -m tools.embed_screenshots

.PHONY: bench
bench: ## Run the benchmarks and write benchmarks/results/latest.json and docs/performance.md.
	@python3 local/prepare.py runtime
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: soak
soak: setup ## Run at the highest rate for ten minutes and check for errors and leaks (MINUTES=10).
	@$(BIN)/python -m benchmarks.soak --minutes $(or $(MINUTES),10)

.PHONY: attack
attack: ## Fuzz a million rich texts and every route of a local stack.
	@$(BIN)/python -m tests.attack.richtext
	@python3 local/prepare.py attack
	@$(BIN)/python -m tests.attack $(ARGS)

.PHONY: docs
docs: setup ## Write the generated pages of docs/.
	@$(BIN)/python -m tools.docs

.PHONY: editor
editor: setup ## Build the dashboard's code editor from tools/editor. Needs Node.
	@$(BIN)/python -m tools.editor_bundle

.PHONY: site
site: setup ## Build the documentation as static pages in site/.
	@$(BIN)/python -m tools.site

.PHONY: lock
lock: setup ## Update dependencies to the newest versions that pyproject.toml allows, and pin them.
	$(UV) lock --upgrade
	$(MAKE) pins

# What the other layers of its functions bring: the layers have 250 MB together.
SHARED_WITH_SEALS := cffi cryptography idna lxml pycparser

.PHONY: pins
pins: setup ## Write the layers' requirements.txt from uv.lock, and the tools' from their .in files.
	@for layer in craftkit invoices pages seals typesetting; do \
	  $(UV) export --quiet --frozen --only-group layer-$$layer --no-annotate --no-header \
	    --no-emit-package requests --no-emit-package urllib3 \
	    $$(if [ $$layer = seals ]; then printf -- '--no-emit-package %s ' $(SHARED_WITH_SEALS); fi) \
	    --output-file layers/$$layer/requirements.txt >/dev/null || exit 1; done
	@for tool in aws sam runtime rivals scan scanners attack clients; do \
	  $(UV) pip compile --quiet --python-version 3.13 --universal --no-header --no-annotate \
	    --output-file local/requirements/$$tool.txt local/requirements/$$tool.in || exit 1; done

.PHONY: build
build: setup ## Build the application for arm64 in .aws-sam/build.
	@$(DEPLOYMENT) build

.PHONY: release
release: setup ## Build and pack with a bill of materials into dist/craftkit.tar.gz.
	@$(DEPLOYMENT) release

.PHONY: bootstrap
bootstrap: setup ## Prepare an account for a stage, as administrator: STAGE=dev REPOSITORY=OWNER/NAME.
	@$(DEPLOYMENT) bootstrap $(STAGE) $(if $(REPOSITORY),--repository $(REPOSITORY))

.PHONY: deploy-dev deploy-staging deploy-prod
deploy-dev: $(if $(RELEASE),setup,build) ## Deploy dev with your AWS credentials. Also: deploy-staging, deploy-prod.
deploy-staging: $(if $(RELEASE),setup,build)
deploy-prod: $(if $(RELEASE),setup,build)
deploy-dev deploy-staging deploy-prod:
	@$(DEPLOYMENT) deploy $(@:deploy-%=%) $(if $(RELEASE),--release $(RELEASE)) $(if $(UNGATED),--ungated)

.PHONY: accept
accept: setup ## Test a deployed stage from outside, with your AWS credentials: STAGE=dev.
	@$(DEPLOYMENT) accept $(STAGE)

.PHONY: clean
clean: ## Remove all build output, caches and installed tools.
	rm -rf .aws-sam .local .venv dist out site .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
