#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Run a command in a test machine's root file system, on this machine. A tree is at the same path there
# as it is here, for a build directory knows its path; the command starts in it.
#
# usage: in_root.sh ROOT TREE COMMAND...        (as root)
# shellcheck disable=SC2016 # the inner shells expand it
exec unshare --mount sh -euc '
    root=$0
    tree=$1
    shift
    mkdir -p "$root$tree"
    mount --bind "$tree" "$root$tree"
    for directory in proc sys dev; do
        mount --rbind "/$directory" "$root/$directory"
    done
    exec env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive chroot "$root" sh -euc "cd \"\$0\" && \"\$@\"" "$tree" "$@"' "$@"
