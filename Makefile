# Each target does its own set-up; `make demo` and `make test` are all that a new machine needs.
.DEFAULT_GOAL := help
SHELL := /bin/bash
ARGS ?=
N ?= 20000

.PHONY: help setup setup-test setup-bench demo test typed kill twin bench hapi fuzz fmt lint doc

help:
	@echo "make demo    a gateway, a FHIR server and a tour, all on this machine (ARGS=--once: the tour alone)"
	@echo "make test    every test"
	@echo "make typed   Consents of FHIR R5 read by fhir-sdk too (compiles for minutes)"
	@echo "make kill    300 gateways killed under load, each at a random moment"
	@echo "make twin    20,000 answers compared in twin worlds, in process and on HAPI (N=…; SLUIS_TWIN_SEED=… repeats)"
	@echo "make bench   every measurement: a table, and target/bench.json"
	@echo "make hapi    a real HAPI FHIR server (ARGS=-Dport=8080 …)"
	@echo "make fuzz    ten million inputs over the fuzz targets"
	@echo "make fmt lint doc"

setup:
	@tools/setup build

setup-test:
	@tools/setup build test

setup-bench:
	@tools/setup build bench

demo: setup
	cargo run --quiet -- demo $(ARGS)

test: setup-test
	@tools/test

typed: setup
	cargo test --package sluis-typed --features r5

kill: setup-test
	SLUIS_KILLS=300 cargo test --test it -- kill:: --nocapture

twin: setup-test
	SLUIS_TWIN_REQUESTS=$(N) cargo test --lib -- view::tests::twin::hidden_data --nocapture
	conformance/hapi/run --build
	cargo build --bin sluis
	SLUIS_TWIN_REQUESTS=$(N) cargo test --package sluis-conformance --test hapi -- invented::what_is_hidden --nocapture

bench: setup-bench
	@tools/bench $(ARGS)

hapi: setup-test
	@conformance/hapi/run $(ARGS)

fuzz: setup-test
	@tools/fuzz $(ARGS)

fmt:
	cargo fmt --all

lint: setup
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --package sluis --all-targets --features nats -- -D warnings
	cargo clippy --lib --no-default-features -- -D warnings

doc: setup
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --lib
