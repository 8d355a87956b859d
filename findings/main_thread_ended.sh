#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Linux: a process whose main thread has called pthread_exit() runs on in its other threads, but
# /proc/PID looks like a kernel thread's: no maps, no exe. The same files of a living thread,
# /proc/PID/task/TID/maps, have everything. Tools that look for a process's files by its number, as
# bpftrace 0.17.0 does with -p, find none.
#
# /proc/PID is that of the main thread, whose memory the kernel gives back when it exits
# (exit_mm()), though its siblings still have it.
#
# The program's main thread ends, and another one waits. Seen on Linux 6.18.44 x86_64, Debian 12:
#
#     of the process: 0 mappings, no program
#     of its thread: has mappings, the program
#     bpftrace -p: finds no probe of it
set -euo pipefail
folder=$(mktemp -d)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=findings/lib.bash
. "$here/lib.bash"

need_x86_64
need_root
need_compiler
package bpftrace 0.17.0-1
package systemtap-sdt-dev 4.8-2

cat >"$folder/program.c" <<'C'
#include <pthread.h>
#include <stdio.h>
#include <sys/sdt.h>
#include <unistd.h>

static void *wait_for_the_end(void *main_thread)
{
    pthread_join(*(pthread_t *)main_thread, NULL);
    printf("%d\n", gettid());
    fflush(stdout);
    DTRACE_PROBE(shop, order);
    pause();
    return NULL;
}

int main(void)
{
    static pthread_t main_thread, other;

    main_thread = pthread_self();
    pthread_create(&other, NULL, wait_for_the_end, &main_thread);
    pthread_exit(NULL);
}
C
gcc -O1 -Wall -Wextra -D_GNU_SOURCE -o "$folder/program" "$folder/program.c" -pthread

mkfifo "$folder/said"
"$folder/program" >"$folder/said" &
process=$!
started+=("$process")
read -r thread <"$folder/said"

program_of() {
    if [ "$(readlink "$1/exe" 2>/dev/null)" = "$folder/program" ]; then
        echo 'the program'
    else
        echo 'no program'
    fi
}

{
    echo "of the process: $(wc -l <"/proc/$process/maps") mappings, $(program_of "/proc/$process")"
    mappings=none
    [ "$(wc -l <"/proc/$process/task/$thread/maps")" -eq 0 ] || mappings='has mappings'
    echo "of its thread: $mappings, $(program_of "/proc/$process/task/$thread")"
    if bpftrace -p "$process" -l 'usdt:*:shop:*' 2>/dev/null | grep -q shop:order; then
        echo 'bpftrace -p: finds the probe'
    else
        echo 'bpftrace -p: finds no probe of it'
    fi
} >"$folder/seen"

compare "$folder/seen"
