#!/bin/bash
# The end-to-end tests again, with both release programs under valgrind: no error, nothing definitely lost.
# Environment as in services.py; BREAKWIRE_RELEASE: the release build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
skip() {
    echo "SKIPPED: valgrind: $*"
    exit 77
}
command -v valgrind >/dev/null || skip "valgrind is not there"
[ -x "$BREAKWIRE_RELEASE/service-b" ] || skip "no release build in $BREAKWIRE_RELEASE"

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
export BREAKWIRE_BIN=$BREAKWIRE_RELEASE BREAKWIRE_SLOW=10
# 99: a program with a finding cannot end with 0, which every test demands of its programs.
export BREAKWIRE_WRAPPER="valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
--show-leak-kinds=definite --log-file=$logs/%p.log"
for name in service_b service_a_http circuit face tls; do
    echo "valgrind: ${name}_test"
    /usr/bin/python3 "${name}_test.py"
done
found=$(find "$logs" -name '*.log' -size +0)
[ -z "$found" ] || { cat $found && exit 1; }
echo "valgrind: no error and nothing definitely lost in $(find "$logs" -name '*.log' | wc -l) programs"
