#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds a fuzz target with clang's libFuzzer and sanitizers, and runs it on a copy of the corpus
# for $RST_FUZZ_SECONDS (10). It prints what libFuzzer finds.
# usage: libfuzzer.sh CLANG CORPUS DICTIONARY COMPILER-ARGUMENT...
set -u

skip() {
    echo "skipped: $1"
    [ "${RST_REQUIRE_TRACERS:-}" = 1 ] && exit 1
    exit 77
}

clang=$1 corpus=$2 dictionary=$3
shift 3
directory=$(mktemp -d) || exit 1
trap 'rm -rf "$directory"' EXIT

if [ -z "$clang" ]; then
    skip "clang is not installed"
fi
echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n); int
LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return d && n > 9999999; }' >"$directory/try.c"
if ! "$clang" -fsanitize=fuzzer,address,undefined -o "$directory/try" "$directory/try.c"; then
    skip "this clang has no libFuzzer (Debian: libclang-rt-*-dev)"
fi

"$clang" -std=gnu11 -O1 -g -fno-omit-frame-pointer -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined \
    -fno-sanitize-recover=undefined -o "$directory/fuzz" "$@" -lelf -ldl -pthread || exit 1
cp -r "$corpus" "$directory/corpus" || exit 1
"$directory/fuzz" -max_total_time="${RST_FUZZ_SECONDS:-10}" -max_len=2048 \
    -dict="$dictionary" -artifact_prefix="$directory/" -print_final_stats=1 \
    -timeout=20 -rss_limit_mb=2048 "$directory/corpus" >"$directory/log" 2>&1
status=$?
if [ "$status" -ne 0 ]; then
    cat "$directory/log"
    for found in "$directory"/crash-* "$directory"/leak-* "$directory"/timeout-* "$directory"/oom-*; do
        [ -e "$found" ] && echo "the input, in hex:" && od -An -v -tx1 "$found"
    done
    exit 1 # a status of 77 would mean that the test was skipped
fi
grep '^stat::number_of_executed_units' "$directory/log"
