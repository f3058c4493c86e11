#!/usr/bin/env bash
# Everything side by side in one run: this program, its bare models, the Python programs one would write instead, and
# faiss. Writes docs/bench/results.md and docs/bench/results.svg. Needs python3 with venv (sudo apt-get install
# python3-venv); the environment is kept in the cache folder.
#
#   scripts/bench.sh [ROUNDS]
#   scripts/bench.sh --pictures FOLDER      only the search, among 100,000 templates made of a folder's real faces; writes
#                                           nothing. Needs: cargo build --release --example gallery_bench
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${XDG_CACHE_HOME:-$HOME/.cache}/locker-agent/bench
pins=scripts/bench-requirements.txt
if ! cmp -s "$pins" "$cache/installed.txt"; then
    rm -rf "$cache/venv"
    mkdir -p "$cache"
    python3 -m venv "$cache/venv" || { echo "run: sudo apt-get install python3-venv" >&2; exit 1; }
    "$cache/venv/bin/pip" install --quiet --disable-pip-version-check -r "$pins"
    cp "$pins" "$cache/installed.txt"
fi
if [[ ${1:-} == --pictures ]]; then
    exec "$cache/venv/bin/python" scripts/bench.py --pictures "${2:?the folder}"
fi
exec "$cache/venv/bin/python" scripts/bench.py --rounds "${1:-7}"
