#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Start test machines, each as start.sh does, as many at once as there are processors, and give a failure
# if one of them fails. What a machine says is shown, and is in WORK/vm-NAME-test.log.
#
# usage: start_all.sh CACHE WORK SECONDS MACHINE...
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$1
work=$2
seconds=$3
shift 3

start() {
    rm -f "$work/vm-$1-failed"
    "$here/start.sh" "$1" "$cache/vm/$1" "$cache/cross/emulators" "$work/vm-$1" "$seconds" 2>&1 |
        tee "$work/vm-$1-test.log" || touch "$work/vm-$1-failed"
}

# shellcheck disable=SC2317 # the trap calls it
stop() {
    local group

    for group in $(jobs -p -r); do
        kill -TERM -- "-$group"
    done
    wait
    exit 1
}

# A group of processes for each, so that all of it ends with this script.
set -m
trap stop INT TERM HUP
for name in "$@"; do
    mapfile -t running < <(jobs -p -r)
    [ "${#running[@]}" -lt "$(nproc)" ] || wait -n
    start "$name" &
done
wait

status=0
for name in "$@"; do
    if [ -e "$work/vm-$name-failed" ]; then
        status=1
        printf '\n%s failed:\n' "$name"
        grep -A 40 -E '^ *[0-9]+/[0-9]+ .* (FAIL|TIMEOUT) |start\.sh: ' "$work/vm-$name-test.log" | tail -n 60
    fi
done
exit "$status"
