# setup.sh: what ./run and ./check share: getting Debian packages, and building. Sourced by both, from the root.
# shellcheck shell=bash

build_packages=(
    gcc libc6-dev pkg-config cmake ninja-build python3
    libnghttp2-dev libuv1-dev libssl-dev libjansson-dev zlib1g-dev
    libprotobuf-c-dev protobuf-c-compiler protobuf-compiler libprotobuf-dev libnanopb-dev nanopb grpc-proto
)
test_packages=(
    g++ git spin binutils clang llvm clang-format clang-tidy cppcheck libcmocka-dev valgrind strace procps curl
    nghttp2-client openssl
    python3-grpcio python3-protobuf python3-h2 python3-hypothesis python3-selenium chromium chromium-driver
)

say() { printf '%s: %s\n' "${0##*/}" "$*"; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# The packages of "$@" that are not installed, one a line.
missing_packages() {
    local name state
    for name in "$@"; do
        state=$(dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null) || state=
        [ "${state:0:2}" = ii ] || printf '%s\n' "$name"
    done
}

# Runs "$@"; its output is shown only when it fails.
quietly() {
    local log
    log=$(mktemp)
    if "$@" >"$log" 2>&1 </dev/null; then
        rm -f "$log"
        return 0
    fi
    cat "$log" >&2
    rm -f "$log"
    return 1
}

apt() {
    local as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -q "$@"
}

cannot_install() {
    die "$1. What is missing comes with this line, as root:
apt-get update && apt-get install -y --no-install-recommends ${*:2}"
}

# Installs what of "$@" is missing, and says so; asks nothing when nothing is.
need_packages() {
    local missing
    if ! command -v dpkg-query >/dev/null; then
        say "no Debian here: going on with what there is (Debian 12's packages are: $*)"
        return
    fi
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || cannot_install "not root, and there is no sudo" "${missing[@]}"
        say "using sudo to install ${missing[*]}"
        sudo -v || cannot_install "sudo did not let us" "${missing[@]}"
    else
        say "installing ${missing[*]}"
    fi
    quietly apt -o APT::Update::Error-Mode=any update || cannot_install "apt-get update failed" "${missing[@]}"
    quietly apt install -y --no-install-recommends "${missing[@]}" ||
        cannot_install "apt-get install failed" "${missing[@]}"
}

# Configures and builds a preset, two jobs at a time.
build() {
    say "building $1 (build/$1)"
    [ -e "build/$1/build.ninja" ] || quietly cmake --preset "$1" || die "cmake --preset $1 failed"
    quietly cmake --build "build/$1" -j "${JOBS:-2}" || die "building $1 failed"
}
