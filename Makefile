# The ways into this project. `make` alone lists them.
# Needs cargo and, for the models, python3 with pip. Everything else is fetched or asked for with the exact line.

CARGO ?= cargo
# The demonstration ends after one pickup with ONCE=1.
ONCE ?=
# How many random operations the bench plays, and from which seed; see tests/hil/run.sh for what is usual.
HIL_OPERATIONS ?=
HIL_SEED ?=
# So many cabinets live through core-soak, about 200 steps each.
CORE_LIVES ?= 5000
# How often `make bench` measures each contestant.
ROUNDS ?= 7
RELEASE = target/release/locker-agent

.DEFAULT_GOAL = help
.PHONY: help demo models test test-second-set core-soak hil fuzz check lint doc deny advisories bench cross cross-check clean

help: ## List the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

demo: ## A locker on this machine: simulated doors and camera, real models, a broker of its own (ONCE=1: one pickup)
	$(CARGO) build --release --locked
	$(RELEASE) models fetch --samples
	$(RELEASE) demo --attack tests/fixtures/faces/attack.jpg $(if $(ONCE),--once)

models: ## Fetch models, ONNX Runtime and sample photos into the model directory
	$(CARGO) run --locked --bin locker-agent -- models fetch --samples

test: ## All tests, with the real models and a real broker
	scripts/need.sh mosquitto=mosquitto systemd-analyze=systemd
	$(MAKE) models
	scripts/test.sh 'not test(second_set_)' --skip second_set_
	$(CARGO) test --quiet --locked --doc

test-second-set: ## Another model set runs by its manifest alone: LOCKER_SECOND_SET=folder with its files
	$(if $(LOCKER_SECOND_SET),,$(error set LOCKER_SECOND_SET to the folder with the files of models/opencv-minifasnet.toml))
	$(MAKE) models
	LOCKER_SECOND_SET='$(abspath $(LOCKER_SECOND_SET))' scripts/test.sh 'test(second_set_)' second_set_

core-soak: ## A million random steps of the core with every law checked (CORE_LIVES: how many cabinets)
	PROPTEST_CASES=$(CORE_LIVES) $(CARGO) test --quiet --locked --lib random_lives_ -- --nocapture

hil: models ## The real daemon on a real kernel's GPIO lines and camera, in a user-mode kernel that is built once (about 5 minutes)
	HIL_OPERATIONS='$(HIL_OPERATIONS)' HIL_SEED='$(HIL_SEED)' tests/hil/run.sh

TARGET ?=
SECONDS ?= 60
fuzz: ## Random bytes against one parser: TARGET=rs485 (a file of fuzz/fuzz_targets), SECONDS=600
	scripts/fuzz.sh '$(TARGET)' '$(SECONDS)'

check: lint test doc deny ## What has to pass before a change is handed in

lint: ## Format and clippy, warnings as errors
	$(CARGO) fmt --check
	$(CARGO) fmt --check --manifest-path fuzz/Cargo.toml
	$(CARGO) clippy --locked --all-targets -- -D warnings
	for script in scripts/*.sh tests/hil/*.sh .ci/run; do bash -n $$script || exit 1; done

doc: ## The API documentation, warnings as errors
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --quiet --locked --no-deps

deny: ## Licences, sources and bans of all dependencies (deny.toml)
	scripts/deny.sh bans licenses sources

advisories: ## Known vulnerabilities of all dependencies; fetches their database with git
	scripts/deny.sh advisories

bench: ## Faces and gallery beside bare models, Python programs and faiss, into docs/bench (ROUNDS=7)
	$(CARGO) build --release --locked --bins --example gallery_bench
	$(RELEASE) models fetch --samples
	$(RELEASE) models tune
	scripts/bench.sh $(ROUNDS)

cross: ## Release binaries for 64-bit Arm boards, with cross or with Debian's packages
	scripts/cross-aarch64.sh

cross-check: cross ## Run them under emulation: they start, and recognise a face with the Arm runtime
	scripts/check-aarch64.sh

clean: ## Remove everything that was built (not the models)
	$(CARGO) clean
