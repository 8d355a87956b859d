#!/bin/sh
# SPDX-License-Identifier: MIT
#
# sanitize.sh DIRECTORY: compile the C part there with AddressSanitizer and UBSan, with gcc, and run the
# tests that are about it. V8 does not give everything back at its end, so leaks are not looked for.

set -e
node=${NODE:-node}
tests=$(cd "$(dirname "$0")/.." && pwd)
sanitizers=-fsanitize=address,undefined

"$node" "$tests/../native/stage.js" "$1"
CC=gcc CFLAGS="-g -O1 $sanitizers -fno-sanitize-recover=undefined" LDFLAGS=$sanitizers \
    "$node" "$tests/../native/build.js" "$1"
RST_NODE_PACKAGE=$(cd "$1" && pwd)
LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"
ASAN_OPTIONS=detect_leaks=0
export RST_NODE_PACKAGE LD_PRELOAD ASAN_OPTIONS
for name in fire provider watched threads channels dtrace; do
    "$node" "$tests/${name}_test.js" || {
        status=$?
        [ "$status" -eq "${RST_SKIPPED_STATUS:-0}" ] || exit "$status"
    }
done
