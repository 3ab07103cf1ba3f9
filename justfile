# The whole thing, end to end, in a home of its own
demo:
    cargo run --locked -- demo

test:
    cargo test --locked

lint:
    cargo fmt --check
    cargo clippy --locked --all-targets -- -D warnings

# Licences, bans and sources of the dependencies
deny:
    cargo deny check licenses bans sources

# What the machine that guards the main branch runs
ci:
    .ci/run

# Figures of docs/benchmarks.md; wants a quiet machine
bench:
    cargo test --locked --release --test it bench:: -- --ignored --nocapture --test-threads 1

# Thousands of kill -9; a failure prints the XII_TEST_SEED that repeats its decisions
crash kills="5000":
    XII_TEST_KILLS={{kills}} cargo test --locked --test it chaos::kills -- --nocapture

# A Debian 12 under systemd in an emulator: units, restarts, limits, reboots, power cuts; wants
# qemu-system-x86, mmdebstrap and e2fsprogs
vm:
    cargo build --locked --release
    XII_TEST_BINARY=target/release/xii cargo test --locked --test it vm:: -- --ignored --nocapture

# xii's whole build beside the bare tool's; wants python3, npm and cargo
bench-build:
    cargo test --locked --release --test it bench_build:: -- --ignored --nocapture --test-threads 1

# Deploys the public apps of tests/corpus.toml from a folder of checkouts OWNER/NAME
corpus folder:
    XII_TEST_CORPUS={{folder}} cargo test --locked --test it corpus:: -- --include-ignored --nocapture --test-threads 1

# A release on debian-12 while the host's python is hidden; makes two stacks, for minutes
stack-proof:
    cargo test --locked --test it stacks::proof:: -- --ignored --nocapture
