#!/bin/bash
# tidy.sh SOURCE BUILD: clang-tidy over all of our own C; any finding fails.
set -euo pipefail
cd "$1"
find lib client server tools examples -name '*.c' 2>/dev/null | sort |
    xargs -P2 -n8 clang-tidy -p "$2" --quiet 2>/dev/null | grep -E 'warning:|error:' && exit 1
echo "clang-tidy: nothing found in $(find lib client server tools examples -name '*.c' 2>/dev/null | wc -l) files"
