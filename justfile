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

# Figures of docs/benchmarks.md; each wants a quiet machine, root, and the peers it names
bench name="":
    cargo test --locked --release --test it bench::{{name}} -- --ignored --nocapture --test-threads 1

# Start of an instance beside bare exec, bubblewrap, crun, podman; of a formation beside honcho, foreman
bench-start: (bench "start") (bench "formation")

# What xii itself takes of a change
bench-deploy: (bench "deploy")

# The commands that only read, beside podman ps; a line from print to tail
bench-cli: (bench "platform")

# Memory and processor time of a platform at rest with ten instances
bench-idle: (bench "idle")

# Processor time per request beside haproxy, nginx and caddy; wants wrk
bench-router: (bench "router")

# Every step of every change fails in turn; ends with a table, and with what repeats a failure
crash faults="5000" worlds="6":
    XII_TEST_FAULTS={{faults}} XII_TEST_WORLDS={{worlds}} cargo test --locked --test it crash::every -- --ignored --nocapture

# kill -9 of anything at random moments; a failure prints the XII_TEST_SEED of its decisions
kills kills="1000":
    XII_TEST_KILLS={{kills}} cargo test --locked --test it chaos::kills -- --nocapture

# The power fails at every flush, and between them, of so many changes of two apps; as root,
# with qemu-storage-daemon; for minutes
power-cut changes="20":
    XII_TEST_CHANGES={{changes}} cargo test --locked --test it power_cut:: -- --ignored --nocapture

# Visitors of every kind, while the app and the platform change: 0 failed of a hundred thousand
load changes="100" requests="100000":
    XII_TEST_CHANGES={{changes}} XII_TEST_REQUESTS={{requests}} cargo test --locked --test it load::changes::changes_and -- --nocapture

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

# An app that wants out, at each level of isolation: writes the table of docs/reliability/isolation.md
isolation:
    cargo test --locked --test it isolation::the_table -- --ignored --nocapture

# How time and memory grow: plan, ledger, apps, routing table
bench-scale:
    cargo test --locked --release --test it scale:: -- --ignored --nocapture --test-threads 1
