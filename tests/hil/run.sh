#!/usr/bin/env bash
# The real daemon on real GPIO lines: boots a user-mode kernel on this machine's files and lets the bench's runner
# (tests/hil/bench.rs) play the cabinet. Prints a table; exit code 0 only if every scenario passed.
set -euo pipefail
cd "$(dirname "$0")/../.."
PATH=$PATH:/usr/sbin:/sbin
work=$PWD/target/hil
mkdir -p "$work"
# The kernel outlives the checkout: building it is most of the work.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/locker-agent/hil

scripts/need.sh mosquitto=mosquitto ip=iproute2 mke2fs=e2fsprogs
# 69, "unavailable": nothing was found out about the program.
kernel=${HIL_KERNEL:-$(tests/hil/kernel.sh "$cache")} || exit 69
cargo build --quiet --locked --bins --example hil
models=${LOCKER_AGENT_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/locker-agent/models}

disk=$work/disk.img
rm -f "$disk"
truncate --size 128M "$disk"
mke2fs -q -F -t ext4 "$disk"

log=$work/console.log
: >"$log"
limit=${HIL_LIMIT_S:-900}
TMPDIR=${TMPDIR:-/tmp} timeout --kill-after=5 "$limit" "$kernel" \
    root=/dev/root rootfstype=hostfs rootflags=/ ro mem=768M quiet \
    con=null con0=null,fd:1 ubd0="$disk" vivid.n_devs=1 init="$PWD/tests/hil/init.sh" \
    BENCH_RUNNER="$PWD/target/debug/examples/hil" BENCH_PROGRAMS="${HIL_PROGRAMS:-$PWD/target/debug}" BENCH_MODELS="$models" \
    BENCH_OPERATIONS="${HIL_OPERATIONS:-1000}" BENCH_SEED="${HIL_SEED:-20261123}" \
    </dev/null >"$log" 2>&1 &
guest=$!
# The table as it grows; the guest's own end follows its last line.
tail -n +1 --pid=$guest -s 0.2 -F "$log" 2>/dev/null | sed -un 's/\r$//; /^bench: /s/^bench: //p' &
wait $guest || true
wait
grep -q '^bench: ' "$log" || {
    echo "the bench's kernel does not start on this machine; what it said is in $log" >&2
    exit 69
}
grep -q '^bench: all passed' "$log" || {
    echo "the bench failed or did not end within $limit s; the guest's console is $log" >&2
    exit 1
}
