#!/usr/bin/env bash
# Makes sure that programs are on this machine: installs what is missing with apt as root or by a sudo that does not
# ask, and otherwise prints the line to run.
#
#   scripts/need.sh WANTED=PACKAGE...     WANTED is a command, or the absolute path of a file
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

missing=()
for pair in "$@"; do
    wanted=${pair%%=*} package=${pair#*=}
    if [[ $wanted == /* ]]; then
        [[ -e $wanted ]] || missing+=("$package")
    else
        command -v "$wanted" >/dev/null || missing+=("$package")
    fi
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

line=(apt-get install -y --no-install-recommends "${missing[@]}")
if ! command -v apt-get >/dev/null; then
    echo "missing: ${missing[*]} (Debian's names). There is no apt here: install them your system's way." >&2
    exit 1
fi
if [[ $(id -u) == 0 ]]; then
    as_root=()
elif sudo -n true 2>/dev/null; then
    as_root=(sudo -n)
else
    echo "missing: ${missing[*]}. Run: sudo apt-get update && sudo ${line[*]}" >&2
    exit 1
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq || echo "apt-get update failed; trying with the old lists" >&2
"${as_root[@]}" "${line[@]}" -qq >/dev/null
