#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The tests of what is in C, under AddressSanitizer and UBSan: sanitize.sh LUA VERSION BUILD. Lua knows
# nothing of them, so they are loaded before it; what it has at its end is no leak of ours.
set -e

here=$(cd "$(dirname "$0")" && pwd)
lua=$1 version=$2 build=$3
sanitizers='-fsanitize=address,undefined -fno-sanitize-recover=undefined'
make --silent --directory "$here/.." LUA="$version" BUILD="$build" testing \
    CC=gcc CFLAGS="-O1 -g $sanitizers" WARNINGS='-Wall -Wextra -Werror'
LUA_PATH="$here/../lua/?.lua;$here/?.lua;;" LUA_CPATH="$build/lua$version/?.so;;"
export LUA_PATH LUA_CPATH
preload=$(gcc -print-file-name=libasan.so):$(gcc -print-file-name=libubsan.so)
skipped=0
for name in values lifetime fire; do
    status=0
    python3 "$here/run.py" env LD_PRELOAD="$preload" ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 \
        "$lua" "$here/${name}_test.lua" || status=$?
    case $status in
    0) ;;
    77) skipped=77 ;;
    *) exit "$status" ;;
    esac
done
exit "$skipped"
