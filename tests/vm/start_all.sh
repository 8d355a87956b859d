#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Start test machines side by side, each as start.sh does, and give a failure if one of them fails. What a
# machine says is shown, and is in WORK/vm-NAME-test.log.
#
# usage: start_all.sh CACHE WORK SECONDS MACHINE...
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$1
work=$2
seconds=$3
shift 3

start() {
    "$here/start.sh" "$1" "$cache/vm/$1" "$cache/cross/emulators" "$work/vm-$1" "$seconds" 2>&1 |
        tee "$work/vm-$1-test.log"
}

# shellcheck disable=SC2317 # the trap calls it
stop() {
    local group

    for group in "${running[@]}"; do
        kill -TERM -- "-$group" 2>/dev/null
    done
    wait
    exit 1
}

# A group of processes for each, so that all of it ends with this script.
set -m
running=()
trap stop INT TERM
for name in "$@"; do
    start "$name" &
    running+=("$!")
done
status=0
for name in "$@"; do
    if ! wait "${running[0]}"; then
        status=1
        printf '\n%s failed:\n' "$name"
        grep -A 40 -E '^ *[0-9]+/[0-9]+ .* (FAIL|TIMEOUT) |start\.sh: ' "$work/vm-$name-test.log" | tail -n 60
    fi
    running=("${running[@]:1}")
done
exit "$status"
