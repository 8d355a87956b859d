#!/bin/sh
# SPDX-License-Identifier: MIT
#
# In a test machine, as its process 1: mount what Debian's init would, run TREE/job, leave its status
# in TREE/status, and power off.
tree=$1
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
HOME=/root
LANG=C.UTF-8
export PATH HOME LANG

mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ln -sf /proc/self/fd /dev/fd
busybox ip link set lo up
hostname librst

echo "machine: $(uname -rm), $(nproc) CPUs"
cd "$tree/source" || exit
# Not process 1 itself: what it starts would be unlike anywhere else (signals are ignored, for one).
setsid -w sh "$tree/job"
echo $? >"$tree/status"
cd /
sync
mount -o remount,ro "$tree"
busybox poweroff -f
