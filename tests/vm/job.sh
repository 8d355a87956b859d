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

for command in "${commands[@]}"; do
    sh -c "$command" || status=1
done
for test in "${tests[@]}"; do
    read -r -a words <<<"$test"
    name=${words[0]}
    # One at a time: an emulator forgets what it knows of a program's code when another one runs, so that
    # three at once took over twice as long as one after another.
    .ci/test.py "$build" --no-rebuild --print-errorlogs --num-processes 1 --timeout-multiplier 4 \
        --logbase "$name" -- "${words[@]:1}" | cat || status=1
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
