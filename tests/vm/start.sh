#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Start a test machine with a tree that build.sh made, run the tree's job in it, and give the job's
# status. What the job leaves in TREE/results comes back, and its table.tsv is copied to TREE.tsv. Nothing
# else that the machine writes is kept.
#
# usage: start.sh MACHINE CACHE EMULATORS TREE SECONDS
#
# EMULATORS is what tests/cross/root.sh makes: qemu before 8.1 may keep, of an instruction that a kernel is
# changing, the breakpoint in its place (seen with qemu 7.2 and Linux 7.2: "Oops: int3").
#
# RST_VM_ACCEL=tcg or kvm says how; without it, KVM is used where the processor offers it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/vm/machines.sh
. "$here/machines.sh"
machine "$1"
cache=$2
emulators=$3
tree=$4
seconds=$5
image=$tree.img
PATH=$PATH:/usr/sbin:/sbin

# A /dev/kvm alone does not say that a guest boots: some hosts lend one that takes only their own.
accelerator=${RST_VM_ACCEL-}
if [ -z "$accelerator" ]; then
    accelerator=tcg
    if [ -w /dev/kvm ] && [ "$cpu" = "$(uname -m)" ] &&
        { [ "$cpu" != x86_64 ] || grep -q -w -e vmx -e svm /proc/cpuinfo; }; then
        accelerator=kvm
    fi
fi

case $cpu in
x86_64) qemu=("$emulators/qemu-system-x86_64" -machine q35) console=ttyS0 ;;
aarch64) qemu=("$emulators/qemu-system-aarch64" -machine virt) console=ttyAMA0 ;;
esac
# One thread for both CPUs: two threads take a sixth less time, and keep two processors busy.
[ "$accelerator" != tcg ] || accelerator=tcg,thread=single
case $cpu-$accelerator in
*-kvm) qemu+=(-cpu host) ;;
# The string functions that a C library has for a newer one take longer to emulate.
x86_64-*) qemu+=(-cpu Nehalem) ;;
# Pointers signed by an algorithm of qemu's own: the architecture's takes most of the time to emulate.
aarch64-*) qemu+=(-cpu "max,pauth-impdef=on") ;;
esac

rm -rf "$image" "$tree/results" "$tree/status" "$tree.tsv" # of an earlier run
trap 'rm -f "$image"' EXIT
mke2fs -q -t ext4 -O ^has_journal -d "$tree" "$image" $(($(du -sm "$tree" | cut -f 1) * 6 / 5 + 512))M
status=0
timeout --foreground --kill-after 5 "$seconds" "${qemu[@]}" -accel "$accelerator" -smp 2 -m 3G \
    -display none -monitor none -serial stdio -no-reboot -nic none \
    -kernel "$cache/kernel" -initrd "$cache/initramfs.gz" \
    -append "console=$console quiet panic=-1 mitigations=off rst.tree=$tree" \
    -drive "file=$cache/root.img,format=raw,if=virtio,snapshot=on" \
    -drive "file=$image,format=raw,if=virtio,cache=unsafe" </dev/null || status=$?
debugfs -R "rdump /results /status $tree" "$image" 2>/dev/null
if [ "$status" -ne 0 ]; then
    [ "$status" -ne 124 ] || echo "start.sh: the machine was stopped after $seconds seconds"
    exit "$status"
fi
cp "$tree/results/table.tsv" "$tree.tsv" || true
status=$(cat "$tree/status") || {
    echo "start.sh: the machine ended before its job did"
    exit 1
}
exit "$status"
