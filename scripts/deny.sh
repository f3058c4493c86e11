#!/usr/bin/env bash
# Runs `cargo deny check` with the machine's own cargo-deny or, where there is none, one that is built once and kept.
# Ends with 69 if there is none and none can be built.
#
#   scripts/deny.sh CHECK...
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.20.2
kept=${XDG_CACHE_HOME:-$HOME/.cache}/locker-agent/tools/cargo-deny-$version

if cargo deny --version >/dev/null 2>&1; then
    exec cargo deny check "$@"
fi
if [[ ! -x $kept/bin/cargo-deny ]]; then
    echo "building cargo-deny $version (once, about a minute)"
    # Unoptimised: it builds four times faster and its work takes a second all the same.
    env -u CARGO_TARGET_DIR CARGO_PROFILE_DEV_DEBUG=0 \
        cargo install --quiet --locked --debug --root "$kept" "cargo-deny@$version" || {
        echo "cargo-deny $version cannot be built here; install it and run this again" >&2
        exit 69
    }
fi
exec "$kept/bin/cargo-deny" check "$@"
