# Everything a person or CI starts. `make venv` needs Python >= 3.11 and the package registries.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
AZURITE := azurite@3.37.0
CHECKOV := checkov==3.3.30
SBOM := cyclonedx-bom==7.5.0

.DEFAULT_GOAL := help
.PHONY: help venv demo test simulate soak check check-infra sbom format bench bench-peers up clean

help: ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 13

venv: $(READY) ## .venv with everything in it, Node and Azurite too

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Retrain needs Python 3.11 or later; give one with PYTHON=…, this is " + sys.version.split()[0])'
	@echo "Installing into $(VENV) (once; a minute or so) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -e '.[local,dev]'
	@command -v node >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[node]'
	@$(BIN)/python -m retrain.local.azurite.install $(AZURITE) $(VENV)/azurite
	@touch $@

demo: $(READY) ## a data file lands, a model comes out, nothing is left running
	@$(BIN)/retrain demo

up: $(READY) ## the stack in the foreground
	@$(BIN)/retrain up

test: $(READY) ## all tests
	@$(BIN)/pytest -n 3 --dist loadgroup -q

simulate: $(READY) ## worlds of faults in virtual time, seed after seed; MINUTES=5
	@$(BIN)/python -m tests.simulation.soak --minutes $(or $(MINUTES),5)

check: $(READY) ## format, lint, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

check-infra: $(READY) ## checkov's policies over the Bicep files
	@LOG_LEVEL=CRITICAL $(BIN)/uv tool run --quiet --from $(CHECKOV) checkov --config-file infra/checkov.yaml --skip-download

sbom: $(READY) ## what the app is made of, as CycloneDX, into dist/sbom.json
	@mkdir -p dist
	@$(BIN)/uv tool run --quiet --from $(SBOM) cyclonedx-py requirements requirements.txt --output-file dist/sbom.json

format: $(READY) ## rewrite what the formatter and the linter can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(READY) ## the numbers, one JSON line each
	@$(BIN)/python -m tests.bench

bench-peers: $(READY) ## a no-op run beside Metaflow's, Prefect's, Dagster's, kfp's, Snakemake's; 10 minutes
	@$(BIN)/python -m tests.bench peers

soak: $(READY) ## 500 runs while the stack's services are killed at random; some 10 minutes
	@$(BIN)/python -m tests.soak

clean: ## everything that was made here
	rm -rf $(VENV) .retrain .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
