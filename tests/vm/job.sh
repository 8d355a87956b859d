#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What runs in a test machine, beside the build directory: the tests of the table's sets, each of whose
# tools must be there. RESULTS gets meson's logs.
#
# RESULTS/table.tsv says what they prove of each tracer.
#
# usage: job.sh MACHINE BUILD RESULTS
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/vm/machines.sh
. "$here/machines.sh"
machine "$1" || exit
build=$2
results=$3
mkdir -p "$results"

export RST_REQUIRE_TRACERS=1 RST_DEADLINE=300 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 "${environment[@]}"
status=0

# run_tests LOG WORD...: one at a time. An emulator forgets what it knows of a program's code when another
# one runs, so that three at once took over twice as long as one after another.
run_tests() {
    meson test -C "$build" --no-rebuild --print-errorlogs --num-processes 1 --timeout-multiplier 4 \
        --logbase "$1" "${@:2}" | cat
}

# The names of the tests that failed, of a log.
failed_tests() {
    python3 -c '
import json, sys
for run in map(json.loads, open(sys.argv[1])):
    if run["result"] in ("FAIL", "TIMEOUT", "ERROR", "INTERRUPT"):
        print(run["name"].rpartition(" / ")[2].rpartition(":")[2].strip())' "$1"
}

# missing LOG WORD...: the names or the suite of which no test has run. To meson that is no failure.
missing() {
    local log=$1 word
    shift

    if [ "$1" = --suite ]; then
        [ -s "$log" ] || echo "$2"
        return
    fi
    for word in "$@"; do
        grep -q " / $word\"" "$log" || echo "$word"
    done
}

for command in "${commands[@]}"; do
    sh -c "$command" || status=1
done
for test in "${tests[@]}"; do
    read -r -a words <<<"$test"
    name=${words[0]}
    log=$build/meson-logs/$name.json
    if ! run_tests "$name" "${words[@]:1}"; then
        # An emulated machine now and then stands still for longer than a test waits, as no real one does.
        # So what failed runs once more. ./check says which that were.
        mapfile -t failed < <(failed_tests "$log")
        if [ "${#failed[@]}" -gt 0 ] && run_tests "$name-again" "${failed[@]}"; then
            echo "passed the second time: ${failed[*]}"
        else
            status=1
        fi
    fi
    for word in $(missing "$log" "${words[@]:1}"); do
        echo "job.sh: no test has run for: $word"
        status=1
    done
done

# The first thing that looks like a version in what a command says.
version() {
    "$@" 2>&1 | grep -o -m 1 -E '[0-9]+\.[0-9]+[0-9.]*' | head -n 1
}

cp "$build"/meson-logs/*.json "$build"/meson-logs/*.txt "$results"
tests/vm/table.py "$cpu" "$(uname -r)" "$results" \
    bpftrace="$(version bpftrace --version)" bcc="$(version python3 -c 'import bcc; print(bcc.__version__)')" \
    perf="$(version perf --version)" gdb="$(version gdb --version)" rst="$(version "$build/src/cli/rst" --version)" \
    libbpf="$(version pkg-config --modversion libbpf)" dtrace="$(version "${RST_DTRACE:-false}" -V)" \
    systemtap="$(version "${RST_STAP:-false}" --version)" >"$results/table.tsv"
exit "$status"
