#!/usr/bin/env bash
# Builds the bench's kernel once (about three minutes on two cores) from Debian's kernel source, and prints its path.
#
#   tests/hil/kernel.sh FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mkdir -p "$1" && cd "$1" && pwd)
version=6.1
archive=/usr/src/linux-source-$version.tar.xz

"$here/../../scripts/need.sh" $archive=linux-source-$version flex=flex bison=bison bc=bc \
    /usr/include/libelf.h=libelf-dev gcc=gcc make=make xz=xz-utils >&2

# Another source or another configuration is another kernel.
identity=$(cat "$here/kernel.config" <(stat -c %s "$archive") | sha256sum | cut -c1-16)
kernel=$folder/linux-$identity
if [[ ! -x $kernel ]]; then
    source=$folder/linux-source-$version build=$folder/build
    if [[ ! -e $source/.unpacked ]]; then
        echo "unpacking $archive" >&2
        rm -rf "$source"
        tar -xJf "$archive" -C "$folder"
        touch "$source/.unpacked"
    fi
    echo "building the kernel; the log is $folder/build.log" >&2
    rm -rf "$build" && mkdir -p "$build"
    make=(make -C "$source" ARCH=um "O=$build")
    {
        "${make[@]}" tinyconfig
        cat "$here/kernel.config" >>"$build/.config"
        "${make[@]}" olddefconfig
        "${make[@]}" -j"$(nproc)" linux
    } >"$folder/build.log" 2>&1 || { tail -n 30 "$folder/build.log" >&2; exit 1; }
    # A symbol that was renamed or lost a dependency would be dropped without a word.
    lost=$(grep -E '^CONFIG_' "$here/kernel.config" | grep -vxFf "$build/.config" || true)
    [[ -z $lost ]] || { echo "the kernel did not take: $lost" >&2; exit 1; }
    cp "$build/linux" "$kernel.new"
    strip "$kernel.new"
    mv "$kernel.new" "$kernel"
    # A gigabyte and a half that nothing needs any more.
    rm -rf "$source" "$build"
fi
echo "$kernel"
