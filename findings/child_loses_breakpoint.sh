#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Linux: a child forked while a tracer watches only its parent has the tracer's breakpoint and the
# semaphore's 1, so its first fire runs the probe, and costs a trap; and that fire, which the tracer
# does not see, takes both away in the child. The semaphore of a child that has not fired yet thus
# says "watched", and of one that has fired "not", with the same tracer all the time.
#
# In kernel/events/uprobes.c: fork copies the pages, handler_chain() finds that no consumer wants
# this process (uprobe_perf_filter() in kernel/trace/trace_uprobe.c), and unapply_uprobe() removes
# the breakpoint from it.
#
# Seen on Linux 6.18.44 x86_64, Debian 12:
#
#     parent: semaphore 1, breakpoint
#     child: semaphore 1, breakpoint
#     child has fired: semaphore 0, no breakpoint
#     parent: semaphore 1, breakpoint, hits 0
#     parent has fired: hits 1
set -euo pipefail
folder=$(mktemp -d)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=findings/lib.bash
. "$here/lib.bash"

uprobe_program <<'C'
#include "uprobe.h"

int main(int count, char **arguments)
{
    int event;

    make_place(arguments[count - 1], NOP1, sizeof(NOP1) - 1);
    event = attach_counted();
    printf("parent: semaphore %u, %s\n", *semaphore, breakpoint());
    if (fork() == 0) {
        printf("child: semaphore %u, %s\n", *semaphore, breakpoint());
        fire();
        printf("child has fired: semaphore %u, %s\n", *semaphore, breakpoint());
        _exit(0);
    }
    wait(NULL);
    printf("parent: semaphore %u, %s, hits %lu\n", *semaphore, breakpoint(), hits(event));
    fire();
    printf("parent has fired: hits %lu\n", hits(event));
    close(event);
    return 0;
}
C
