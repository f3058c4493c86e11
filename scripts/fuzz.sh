#!/usr/bin/env bash
# Fuzzes one target for so many seconds, from its committed seeds, with the machine's own cargo-fuzz or, where there is
# none, one that is built once and kept. What it finds on the way stays in fuzz/corpus, which is not committed.
#
#   scripts/fuzz.sh TARGET SECONDS
set -euo pipefail
cd "$(dirname "$0")/.."

target=${1:?the target: one of $(cd fuzz/fuzz_targets && echo *.rs)}
seconds=${2:?for how many seconds}
[[ -f fuzz/fuzz_targets/$target.rs ]] || {
    echo "there is no target $target: fuzz/fuzz_targets has $(cd fuzz/fuzz_targets && echo *.rs)" >&2
    exit 64
}

version=0.13.2
kept=${XDG_CACHE_HOME:-$HOME/.cache}/locker-agent/tools/cargo-fuzz-$version
if cargo fuzz --version >/dev/null 2>&1; then
    fuzz=(cargo fuzz)
else
    if [[ ! -x $kept/bin/cargo-fuzz ]]; then
        echo "building cargo-fuzz $version (once, about a minute)"
        env -u CARGO_TARGET_DIR CARGO_PROFILE_DEV_DEBUG=0 \
            cargo install --quiet --locked --debug --root "$kept" "cargo-fuzz@$version" || {
            echo "cargo-fuzz $version cannot be built here; install it and run this again" >&2
            exit 69
        }
    fi
    fuzz=("$kept/bin/cargo-fuzz")
fi

# Without the address sanitizer it runs on the stable compiler; the code that is fuzzed has no unsafe block to watch.
mkdir -p "fuzz/corpus/$target"
"${fuzz[@]}" run --sanitizer none "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
    -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
