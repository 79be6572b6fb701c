#!/bin/bash
# tidy.sh SOURCE BUILD: clang-tidy over all of our own C; any finding fails.
set -euo pipefail
cd "$1"
mapfile -t files < <(find lib client server tools examples -name '*.c' 2>/dev/null | sort)
found=$(printf '%s\n' "${files[@]}" | xargs -P2 -n8 clang-tidy -p "$2" --quiet 2>&1 |
        grep -E 'warning:|error:|Error' || true)
if [ -n "$found" ]; then
    printf '%s\n' "$found"
    exit 1
fi
echo "clang-tidy: nothing found in ${#files[@]} files"
