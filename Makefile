# The first target lists the rest.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help check fmt generate test test-unit test-voip test-calls test-cluster test-e2e images cluster-up cluster-down demo demo-down simulate-long bench

help: ## This list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

check: ## What CI asks before the slow parts: format, clippy, generated files, docs, licences
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	tests/generated.sh --check
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet
	if command -v cargo-deny >/dev/null; then cargo deny check; else echo "cargo-deny is not installed: licences not checked" >&2; fi

fmt: ## Format the Rust code
	cargo fmt --all

generate: ## Write the generated files anew (CRD manifests, JSON schemas)
	tests/generated.sh

test: ## All tests; 'tests/run.sh STAGE...' for some
	tests/run.sh

test-unit: ## Unit, property and golden tests: no cluster, no root
	tests/run.sh unit

test-voip: ## Callers, phones and the media image against each other
	tests/run.sh voip

test-calls: ## Telephony on a real Asterisk with callers and phones, no cluster
	tests/run.sh calls

test-cluster: ## The operator and the CRDs against a real API server, no root
	tests/run.sh cluster

test-e2e: ## Real calls on a real cluster
	tests/run.sh e2e

images: ## Build the operator, engine and media images to target/images/*.tar
	images/build.sh

cluster-up: ## A Kubernetes node on this machine with the images in it
	. tests/lib.sh; node_with_images; echo "export KUBECONFIG=$$KUBECONFIG PATH=$$BIN:\$$PATH"

cluster-down: ## End that node; nothing is left behind
	. tests/lib.sh; use_cluster; cluster_down

demo: ## From YAML to a talking caller on a real cluster
	tests/e2e/demo.sh

demo-down: ## End the demo; nothing is left behind
	tests/e2e/demo.sh down

simulate-long: ## The deterministic simulation of the routing core, a hundred million inputs from other seeds
	TRUNKLINE_SIMULATION_INPUTS=$${INPUTS:-100000000} TRUNKLINE_SIMULATION_SEED=$${SEED:-1000000} \
	  cargo test --release -p trunkline-routing --test deterministic -- a_million_inputs --nocapture

bench: ## Everything that the pages of docs/ with figures tell, one after another
	cargo bench -p trunkline-tenant
	cargo run --release -p trunkline-bench-routing -- 0.25
	cargo run --release -p trunkline-bench-routing -- estimate
	bench/journal/run.sh --seconds 2
	bench/queue/run.sh --seconds 10
	bench/workforce/run.sh
	bench/capacity/run.sh
	TRUNKLINE_KILLS=50 engine/tests/live/run.sh a_killed_leader
