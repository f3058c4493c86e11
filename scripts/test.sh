#!/usr/bin/env bash
# Runs the tests with cargo-nextest (a process each, a summary at the end) or, where it is absent, with cargo test.
#
#   scripts/test.sh NEXTEST_FILTER CARGO_TEST_ARGUMENT...
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin # Debian keeps brokers there

filter=$1
shift
if cargo nextest --version >/dev/null 2>&1; then
    exec cargo nextest run --locked --no-fail-fast -E "$filter"
fi
exec cargo test --locked --no-fail-fast --lib --bins --tests -- "$@"
