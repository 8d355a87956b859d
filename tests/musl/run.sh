#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Run a program in a root directory that root.sh made, where musl is the only C library. The program
# sees this machine's processes, devices and files in /tmp, and the directories that it was built in.
# That takes root. For another user the program runs on the machine itself, by the same C library.
#
# usage: run.sh ROOT PROGRAM [ARGUMENT]...
set -eu

[ "$(id -u)" -eq 0 ] || { shift && exec "$@"; }
# shellcheck disable=SC2016 # the inner shell expands it
exec unshare --mount sh -c '
    set -eu
    root=$1 program=$2
    shift
    for path in /proc /sys /dev /tmp "$PWD" "$program"; do
        top=${path#/}
        top=/${top%%/*}
        ! mountpoint -q "$root$top" || continue
        mkdir -p "$root$top"
        mount --rbind "$top" "$root$top"
    done
    exec unshare --root="$root" --wd="$PWD" "$@"' sh "$@"
