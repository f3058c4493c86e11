#!/usr/bin/env bash
# The real daemon on real GPIO lines: boots a user-mode kernel on this machine's files and lets the bench's runner
# (tests/hil/bench.rs) play the cabinet. Prints a table; exit code 0 only if every scenario passed.
set -euo pipefail
cd "$(dirname "$0")/../.."
PATH=$PATH:/usr/sbin:/sbin
cache=$PWD/target/hil

scripts/need.sh mosquitto=mosquitto ip=iproute2
kernel=${HIL_KERNEL:-$(tests/hil/kernel.sh "$cache")}
cargo build --quiet --locked --bins --example hil
models=${LOCKER_AGENT_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/locker-agent/models}

log=$cache/console.log
: >"$log"
limit=${HIL_LIMIT_S:-150}
TMPDIR=${TMPDIR:-/tmp} timeout --kill-after=5 "$limit" "$kernel" \
    root=/dev/root rootfstype=hostfs rootflags=/ ro mem=768M quiet \
    con=null con0=null,fd:1 init="$PWD/tests/hil/init.sh" \
    BENCH_RUNNER="$PWD/target/debug/examples/hil" BENCH_PROGRAMS="$PWD/target/debug" BENCH_MODELS="$models" \
    </dev/null >"$log" 2>&1 &
guest=$!
# The table as it grows; the guest's own end follows its last line.
tail -n +1 --pid=$guest -s 0.2 -F "$log" 2>/dev/null | sed -n 's/\r$//; /^bench: /s/^bench: //p' &
wait $guest || true
wait
grep -q '^bench: all passed' "$log" || {
    echo "the bench failed or did not end within $limit s; the guest's console is $log" >&2
    exit 1
}
