#!/usr/bin/env bash
# Runs the Arm binary of scripts/cross-aarch64.sh under user-mode emulation, with the Arm build of ONNX Runtime and the
# real models: it starts, and it tells a person from another.
set -euo pipefail
cd "$(dirname "$0")/.."

newest=
for built in target/{cross/build/,}aarch64-unknown-linux-gnu/release/locker-agent; do
    if [[ -e $built && (-z $newest || $built -nt $newest) ]]; then newest=$built; fi
done
[[ -n $newest ]] || { echo "there is no Arm binary: run: make cross" >&2; exit 1; }
scripts/need.sh qemu-aarch64-static=qemu-user-static /usr/aarch64-linux-gnu/lib/libstdc++.so.6=libstdc++6-arm64-cross \
    aarch64-linux-gnu-readelf=binutils-aarch64-linux-gnu

glibc=$(aarch64-linux-gnu-readelf -V "$newest" | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -n 1)
echo "$newest needs $glibc"
# Debian 12 and the Raspberry Pi OS made of it have 2.36.
[[ $(printf '%s\n' "$glibc" GLIBC_2.36 | sort -V | tail -n 1) == GLIBC_2.36 ]] || {
    echo "that is newer than Debian 12's GLIBC_2.36: build against an older system" >&2
    exit 1
}

models=${LOCKER_AGENT_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/locker-agent/models}
cargo run --quiet --locked --bin locker-agent -- models fetch --samples --arch aarch64 --dir "$models"

arm() {
    QEMU_LD_PREFIX=/usr/aarch64-linux-gnu qemu-aarch64-static "$newest" "$@"
}
arm --version
arm face compare --models "$models" "$models/obama.jpg" "$models/obama2.jpg"
if arm face compare --models "$models" "$models/obama.jpg" "$models/biden.jpg"; then
    echo "the Arm binary takes two people for one" >&2
    exit 1
elif [[ $? -ne 1 ]]; then
    echo "the Arm binary could not compare two photos" >&2
    exit 1
fi
echo "the Arm binary starts and tells people apart"
