# The only door: `make` says what there is. It needs `make` and `python3`, and brings the rest.

SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# Byte code is what makes a second start quick; an activated environment is not this project's.
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
help: ## Say what there is.
	@awk -F ':.*## ' '/^[a-z -]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Prepare the tools. Every other target does it first.
	@python3 local/prepare.py

.PHONY: dev
dev: setup ## Run the stack here, on http://localhost:3000 (PORT=…, AWS_PORT=…), until Ctrl-C.
	@exec $(LOCAL) dev $(PORTS)

.PHONY: stage
stage: setup ## Run a second stage beside `make dev`: STAGE=staging PORT=3001.
	@exec $(LOCAL) stage $(STAGE) $(PORTS)

.PHONY: logs
logs: setup ## Follow what the functions of `make dev` say.
	@exec $(LOCAL) logs

.PHONY: invoke
invoke: setup ## Run one function in Docker on its event, against `make dev`: FUNCTION=create_render.
	@exec $(LOCAL) invoke $(FUNCTION)

.PHONY: sam-api
sam-api: setup ## Serve the routes from Docker with `sam local start-api`, against `make dev`.
	@exec $(LOCAL) sam-api $(PORTS)

.PHONY: test
test: setup ## Run every test (TESTS=tests/unit for some, ARGS=… for pytest).
ifeq ($(TESTS),tests)
	@# Those that share one deployed stack come after, one at a time.
	@$(BIN)/pytest tests/unit tests/functional tests/infrastructure tests/sdks -n auto --dist loadfile $(ARGS)
	@$(BIN)/pytest tests/e2e tests/browser $(ARGS)
else
	@$(BIN)/pytest -n $(WORKERS) --maxprocesses 4 $(TESTS) $(ARGS)
endif

.PHONY: check
check: setup ## Judge the code without running it: format, lint, types, imports, templates, known faults.
	@python3 local/prepare.py scan
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(UV) lock --check
	@$(BIN)/python -m tools.scan
	@$(BIN)/python -m tools.scan validate

.PHONY: audit
audit: ## Ask the public advisories about every dependency; fails where they are out of reach.
	@python3 local/prepare.py scan
	@$(BIN)/python -m tools.scan audit

.PHONY: format
format: setup ## Write the code as `make check` wants it.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: chaos
chaos: setup ## Let 5,000 renders live under faults, three times (ARGS='--seed 7 --renders 500').
	@$(BIN)/python -m tests.chaos $(ARGS)

.PHONY: screenshots
screenshots: setup ## Take the pictures of the dashboard and the embedded page that the docs show.
	@$(BIN)/python -m tools.screenshots
	@$(BIN)/python -m tools.embed_screenshots

.PHONY: bench
bench: ## Measure, and write benchmarks/results/latest.json.
	@python3 local/prepare.py runtime
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: soak
soak: setup ## Hold the highest rate for ten minutes; nothing may fail or grow (MINUTES=10).
	@$(BIN)/python -m benchmarks.soak --minutes $(or $(MINUTES),10)

.PHONY: attack
attack: ## Send what nobody should: a million rich texts, and every route of a stack here.
	@$(BIN)/python -m tests.attack.richtext
	@python3 local/prepare.py attack
	@$(BIN)/python -m tests.attack $(ARGS)

.PHONY: docs
docs: setup ## Write the pages of docs/ that are made from the code.
	@$(BIN)/python -m tools.docs

.PHONY: editor
editor: setup ## Bundle the dashboard's code editor anew, from tools/editor. Needs Node.
	@$(BIN)/python -m tools.editor_bundle

.PHONY: site
site: setup ## Write the documentation as static pages into site/.
	@$(BIN)/python -m tools.site

.PHONY: lock
lock: setup ## Take the newest dependencies that pyproject.toml allows, and pin them everywhere.
	$(UV) lock --upgrade
	$(MAKE) pins

.PHONY: pins
pins: setup ## Write the layers' requirements from uv.lock, and the tools' pins from their .in files.
	@for layer in craftkit pages typesetting; do \
	  $(UV) export --quiet --frozen --only-group layer-$$layer --no-annotate --no-header \
	    --output-file layers/$$layer/requirements.txt >/dev/null || exit 1; done
	@for tool in aws sam runtime rivals scan attack clients; do \
	  $(UV) pip compile --quiet --python-version 3.13 --universal --no-header --no-annotate \
	    --output-file local/requirements/$$tool.txt local/requirements/$$tool.in || exit 1; done

.PHONY: build
build: setup ## Build what is deployed, for arm64, in .aws-sam/build.
	@$(DEPLOYMENT) build

.PHONY: release
release: setup ## Build, and pack it with its bill of materials into dist/craftkit.tar.gz.
	@$(DEPLOYMENT) release

.PHONY: bootstrap
bootstrap: setup ## Prepare an account for a stage, as its administrator: STAGE=dev REPOSITORY=OWNER/NAME.
	@$(DEPLOYMENT) bootstrap $(STAGE) $(if $(REPOSITORY),--repository $(REPOSITORY))

.PHONY: deploy-dev deploy-staging deploy-prod
deploy-dev: $(if $(RELEASE),setup,build) ## Deploy a stage with your AWS credentials; so do deploy-staging, deploy-prod.
deploy-staging: $(if $(RELEASE),setup,build)
deploy-prod: $(if $(RELEASE),setup,build)
deploy-dev deploy-staging deploy-prod:
	@$(DEPLOYMENT) deploy $(@:deploy-%=%) $(if $(RELEASE),--release $(RELEASE)) $(if $(UNGATED),--ungated)

.PHONY: accept
accept: setup ## Try a deployed stage from outside, with your AWS credentials: STAGE=dev.
	@$(DEPLOYMENT) accept $(STAGE)

.PHONY: clean
clean: ## Remove everything that was made here, tools included.
	rm -rf .aws-sam .local .venv dist out site .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
