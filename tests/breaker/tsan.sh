#!/bin/bash
# The tests with threads under ThreadSanitizer: tests/breaker/tsan.sh ROOT. Builds into a folder of its own, which the
# sanitizers of the dev preset would not let in.
set -euo pipefail
root=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for test in stress threads shards; do
    cc -std=c11 -O1 -g -fsanitize=thread -I "$root/lib/breaker/include" -I "$root/tests/support" -o "$folder/$test" \
        "$root"/lib/breaker/*.c "$root/tests/support/run.c" "$root/tests/breaker/scene.c" \
        "$root/tests/breaker/${test}_test.c" -lcmocka -pthread &
done
wait
for test in stress threads shards; do
    echo "== $test"
    TSAN_OPTIONS="halt_on_error=1 exitcode=66" setarch -R "$folder/$test"
done
