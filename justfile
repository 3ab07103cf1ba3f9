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
