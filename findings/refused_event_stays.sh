#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# bpftrace 0.17.0 and bcc 0.26, by libbcc: a uprobe that the kernel refuses leaves an event in
# uprobe_events for ever, one more for each attempt. It has the path of the probed file, and so keeps
# that file's space, even a memfd's, until somebody removes the event or the machine is booted anew.
#
# bpf_attach_uprobe() of libbcc asks perf_event_open() for a uprobe first. If that fails, it takes the
# kernel for one from before 4.17, writes an event into uprobe_events, and opens that. If this fails,
# too, it does not remove the event (src/cc/libbpf.c, bpf_attach_probe() and
# create_probe_event()).
#
# Here the kernel refuses it because another tracer watches the same instruction with a semaphore,
# which bpftrace's uprobe has not (semaphore_of_a_site.sh). Seen on Linux 6.18.44 x86_64, Debian 12
# (PROGRAM stands for the path of a program):
#
#     bpftrace: ERROR: Error attaching probe: uprobe:PROGRAM:main
#     left in uprobe_events: 1
#     bpftrace: ERROR: Error attaching probe: uprobe:PROGRAM:main
#     left in uprobe_events: 2
#     PROGRAM removed; its space is free: no
#     the events removed; its space is free: yes
set -euo pipefail
folder=$(mktemp -d)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=findings/lib.bash
. "$here/lib.bash"

need_x86_64
need_root
need_compiler
tracing=/sys/kernel/tracing events=$tracing/uprobe_events
[ -w "$events" ] || not_run "tracefs is not mounted at $tracing"
package bpftrace 0.17.0-1

disk=$folder/disk program=$folder/disk/program
mkdir "$disk"

# The names of the program's events.
left() {
    awk -v program="$program:" 'index($2, program) == 1 { print substr($1, 3) }' "$events"
}

remove_left() {
    local made

    for made in $(left); do
        echo "-:$made" >>"$events"
    done
}

end_watcher() {
    [ "${#started[@]}" -eq 0 ] || kill "${started[@]}" 2>/dev/null || true
    started=()
    wait
}

# shellcheck disable=SC2317 # the trap calls it
remove_all() {
    set +e
    remove_left
    end_watcher
    mountpoint -q "$disk" && umount "$disk"
    clean_up
}
trap remove_all EXIT
mount -t tmpfs -o size=1M tmpfs "$disk" || not_run "a tmpfs can't be mounted"

# librst's tests, which make events too, wait for this lock.
exec 4</sys/bus/event_source/devices/uprobe/type
flock 4

echo 'int main(void) { return 0; }' | gcc -o "$program" -x c -
offset=$(readelf --syms --wide "$program" | awk '$NF == "main" { print $2; exit }')

# It watches with a semaphore, until it is ended.
gcc -I"$here" -o "$folder/watcher" -x c - <<'C'
#include "uprobe.h"

int main(int count, char **arguments)
{
    struct perf_event_attr attributes = {
        .size = sizeof(attributes),
        .config = UINT64_C(0x4000) << 32,
        .config1 = (uintptr_t)arguments[1],
        .config2 = strtoull(arguments[count - 1], NULL, 16),
    };
    FILE *type = fopen("/sys/bus/event_source/devices/uprobe/type", "r");

    need(type && fscanf(type, "%u", &attributes.type) == 1, "no uprobes");
    need(syscall(SYS_perf_event_open, &attributes, -1, 0, -1, 0) >= 0, "perf_event_open");
    puts("watching");
    fclose(stdout);
    pause();
    return 0;
}
C
mkfifo "$folder/watching"
"$folder/watcher" "$program" "$offset" >"$folder/watching" &
started+=("$!")
read -r _ <"$folder/watching" || not_run "the watcher did not start"

attempt() {
    { timeout 60 bpftrace -e "uprobe:$program:main { }" 2>&1 || true; } |
        sed -n "s|$program|PROGRAM|; s/^ERROR: Error att/bpftrace: &/p"
    echo "left in uprobe_events: $(left | wc -l)"
}

is_free() {
    if [ "$(stat -f -c '%f' "$disk")" = "$free" ]; then echo yes; else echo no; fi
}

{
    attempt
    attempt
    end_watcher
    free=$(($(stat -f -c '%f' "$disk") + $(stat -c '%b * 512 / 4096' "$program")))
    rm "$program"
    echo "PROGRAM removed; its space is free: $(is_free)"
    remove_left
    echo "the events removed; its space is free: $(is_free)"
} >"$folder/seen"

compare "$folder/seen"
