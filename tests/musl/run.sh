#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Run a program in a root directory that root.sh made, where musl is the only C library. The program
# sees this machine's processes, devices and files in /tmp, and the directory that it was built in.
# That takes root.
#
# usage: run.sh ROOT PROGRAM [ARGUMENT]...
set -eu

# shellcheck disable=SC2016 # the inner shell expands it
exec unshare --mount sh -c '
    set -eu
    root=$1 program=$2
    shift
    mount --bind "$root" "$root" # so that it is a mount point, as / is
    cd "$PWD"
    for path in /proc /sys /dev /tmp "$PWD" "$program"; do
        top=${path#/}
        top=/${top%%/*}
        ! mountpoint -q "$root$top" || continue
        mkdir -p "$root$top"
        mount --rbind "$top" "$root$top"
    done
    exec unshare --root="$root" --wd="$PWD" "$@"' sh "$@"
