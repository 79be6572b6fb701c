#!/bin/bash
# fresh.sh [run|check]: a fresh clone in a container of the plain base image, where nothing but Debian's minimal
# packages is installed. run: ./run is ready in under 3 minutes, the page answers, SIGINT ends both with 0, and a
# second ./run is ready in under 10 seconds. check: ./check is green. Skipped (77) where no Docker daemon starts.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."
what=${1:-run}

skip() {
    echo "SKIPPED: fresh $what: $*"
    exit 77
}

[ "$(id -u)" = 0 ] || docker version >/dev/null 2>&1 || skip "not root, and no Docker daemon answers"
if ! docker version >/dev/null 2>&1 || ! docker image inspect debian:bookworm-slim >/dev/null 2>&1; then
    bash tests/e2e/docker-base.sh || skip "no Docker daemon can be started here"
fi

name=breakwire-fresh-$$
clone=$(mktemp -d)
trap 'docker rm -f "$name" >/dev/null 2>&1 || true; rm -rf "$clone"' EXIT
git clone -q . "$clone/breakwire"
docker run -d --name "$name" --init -v "$clone/breakwire:/breakwire" -w /breakwire debian:bookworm-slim \
    tail -f /dev/null >/dev/null
case $what in
run) docker exec "$name" bash tests/e2e/fresh-inside.sh ;;
check) docker exec -e CI=true "$name" ./check ;;
*) echo "usage: fresh.sh [run|check]" >&2 && exit 2 ;;
esac
