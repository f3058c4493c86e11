#!/usr/bin/env bash
# Builds the release binaries for 64-bit Arm boards and prints where they are. Three roads, the first that is open:
#   1. on such a board: plain cargo
#   2. `cross`, where Docker answers (cross.toml)
#   3. rustup's target, if it is installed, with Debian's cross linker
#   4. Debian's own rustc with its arm64 standard library, unpacked into target/cross, with the same linker
set -euo pipefail
cd "$(dirname "$0")/.."

target=aarch64-unknown-linux-gnu
# The demonstration's broker stays behind.
build=(build --locked --release --no-default-features --target "$target")
home=target/cross

say() { echo "cross: $*" >&2; }

# Road 4. rustc and the standard library have to be of the same build, so both come from the same packages.
unpack_debian_rust() {
    local apt=$PWD/$home/apt root=$PWD/$home/rust
    if [[ -e $root/complete ]]; then return; fi
    command -v apt-get >/dev/null || give_up
    say "unpacking Debian's rustc with its arm64 standard library (once, 150 MB)"
    rm -rf "$apt" "$root"
    mkdir -p "$apt"/{lists/partial,cache/archives/partial,debs} "$root"
    # A package list of our own, for two architectures: the machine's own stays as it is.
    cat >"$apt/apt.conf" <<CONF
APT::Architectures { "$(dpkg --print-architecture)"; "arm64"; };
APT::Sandbox::User "$(id -un)";
Dir::State "$apt";
Dir::State::lists "$apt/lists";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "$apt/cache";
CONF
    export APT_CONFIG=$apt/apt.conf
    apt-get update -qq || give_up
    local std llvm
    std=$(needs libstd-rust-web-dev libstd-rust-web-)
    llvm=$(needs "${std:-none}" libllvm)
    [[ -n $std && -n $llvm ]] || give_up
    (cd "$apt/debs" && apt-get download -qq rustc-web "$llvm" libstd-rust-web-dev{,:arm64} "$std"{,:arm64})
    unset APT_CONFIG
    local deb
    for deb in "$apt"/debs/*.deb; do dpkg-deb -x "$deb" "$root"; done
    rm -rf "$apt"
    local libraries
    libraries=/usr/lib/$(gcc -dumpmachine)
    scripts/need.sh "$libraries/libz3.so.4=libz3-4" "$libraries/libedit.so.2=libedit2" "$libraries/libxml2.so.2=libxml2"
    LD_LIBRARY_PATH=$root/usr/lib/$(gcc -dumpmachine) "$root/usr/bin/rustc" --version >/dev/null || give_up
    touch "$root/complete"
}

# The package that PACKAGE depends on and whose name begins so.
needs() {
    apt-cache depends "$1" 2>/dev/null | sed -nE "s/^ *Depends: ($2[^ ]*)\$/\1/p" | head -n 1
}

give_up() {
    say "no road to $target is open here. Install Docker and run: cargo install cross --version 0.2.5;"
    say "or run: rustup target add $target"
    exit 1
}

with_debian_linker() {
    scripts/need.sh aarch64-linux-gnu-gcc=gcc-aarch64-linux-gnu \
        /usr/aarch64-linux-gnu/lib/libc.so=libc6-dev-arm64-cross
    # A folder of its own: another compiler would otherwise drive out what the usual build has made.
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
        CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc \
        cargo "${build[@]}" --target-dir "$home/build"
    out=$home/build/$target/release
}

if [[ $(uname -m) == aarch64 ]]; then
    say "this is a 64-bit Arm machine: building with plain cargo"
    cargo "${build[@]}"
    out=target/$target/release
elif command -v cross >/dev/null && docker info >/dev/null 2>&1; then
    say "building with cross in Docker"
    CROSS_CONFIG=cross.toml cross "${build[@]}"
    out=target/$target/release
elif [[ -d $(rustc --print target-libdir --target "$target" 2>/dev/null || echo absent) ]]; then
    say "building with rustup's target and Debian's linker"
    with_debian_linker
else
    unpack_debian_rust
    root=$PWD/$home/rust
    libraries=$root/usr/lib/$(gcc -dumpmachine)
    export RUSTC=$root/usr/bin/rustc LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    say "building with $("$RUSTC" --version)"
    with_debian_linker
fi
du --apparent-size --block-size=kB "$out/locker-agent" "$out/hallctl"
