#!/bin/bash
# fresh-inside.sh: what fresh.sh runs in the container, with nothing but bash: starts ./run twice and times it.
set -euo pipefail
set -m # a job of its own group, so that SIGINT is not ignored in it

# Starts ./run; returns when its ready line is there, or fails after $1 seconds.
start_run() {
    local began=$SECONDS line
    coproc RUN { exec ./run 2>&1; }
    run=$RUN_PID
    while IFS= read -r -t "$1" line <&"${RUN[0]}"; do
        printf '  %s\n' "$line"
        if [[ $line == *"open http://"* ]]; then
            url=${line#*open } && url=${url%% *}
            echo "fresh: ready after $((SECONDS - began)) s"
            [ $((SECONDS - began)) -le "$1" ]
            return
        fi
    done
    echo "fresh: not ready after $((SECONDS - began)) s" >&2
    return 1
}

check_page() {
    local address=${url#http://} answer
    exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
    printf 'GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$address" >&3
    answer=$(cat <&3)
    exec 3>&-
    [[ $answer == "HTTP/1.1 200"* && $answer == *"Call Service B (via Circuit Breaker)"* ]]
    echo "fresh: $url answers with the page"
}

interrupt() {
    local code=0
    kill -INT "$run"
    wait "$run" || code=$?
    echo "fresh: SIGINT ended ./run with $code"
    [ "$code" = 0 ]
}

start_run 180
check_page
interrupt
start_run 10
check_page
interrupt
echo "fresh: all of it happened"
