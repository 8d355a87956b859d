#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Run a program of another CPU: by qemu-user on the machine that builds, as it is in the test machine.
#
# usage: run_program.sh CPU ROOT PROGRAM...
cpu=$1
root=$2
shift 2
if [ "$(uname -m)" = "$cpu" ]; then
    exec "$@"
fi
exec "qemu-$cpu" -L "$root" "$@"
