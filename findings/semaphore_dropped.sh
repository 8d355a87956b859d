#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Linux: a program that drops the page of a USDT semaphore (madvise(MADV_DONTNEED), as checkpointing
# tools do) while a tracer is attached reads 0 from then on, though the breakpoint stays and hits
# are counted: a guard skips the probe, and the tracer waits. Neither another fire nor mapping the
# data afresh brings the count back. Mapping the *text* afresh does; but each further time adds one
# more, because taking a mapping of the text away takes nothing off. The event takes one off when it
# is closed, and the probe then stays enabled, with nobody watching.
#
# In kernel/events/uprobes.c: uprobe_mmap() installs the breakpoint in a new mapping, and
# update_ref_ctr() adds one; uprobe_munmap() has no counterpart.
#
# Seen on Linux 6.18.44 x86_64, Debian 12:
#
#     attached: semaphore 1
#     page dropped: semaphore 0, breakpoint
#     a fire: hits 1, semaphore 0
#     data mapped afresh: semaphore 0
#     text mapped afresh: semaphore 1
#     text mapped afresh: semaphore 2
#     event closed: semaphore 1, no breakpoint
set -euo pipefail
folder=$(mktemp -d)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=findings/lib.bash
. "$here/lib.bash"

uprobe_program <<'C'
#include "uprobe.h"

int main(int count, char **arguments)
{
    void *data;
    int event;

    make_place(arguments[count - 1], NOP1, sizeof(NOP1) - 1);
    data = (void *)((uintptr_t)semaphore & ~(PAGE - 1));
    event = attach_counted();
    printf("attached: semaphore %u\n", *semaphore);
    need(madvise(data, PAGE, MADV_DONTNEED) == 0, "madvise");
    printf("page dropped: semaphore %u, %s\n", *semaphore, breakpoint());
    fire();
    printf("a fire: hits %lu, semaphore %u\n", hits(event), *semaphore);
    need(mmap(data, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file, PAGE) == data,
         "mmap");
    printf("data mapped afresh: semaphore %u\n", *semaphore);
    for (int i = 0; i < 2; i++) {
        map_text(PROT_READ | PROT_EXEC);
        printf("text mapped afresh: semaphore %u\n", *semaphore);
    }
    close(event);
    printf("event closed: semaphore %u, %s\n", *semaphore, breakpoint());
    return 0;
}
C
