#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Linux: a USDT semaphore is not how many watch. The kernel counts for each site it has a uprobe at,
# not for each consumer: two events at one site read 1, and the second to go takes it to 0. And the
# site has one semaphore or none, for all: an event that names another place for it, or names none
# while there is one (or the other way round), is refused with EINVAL, without a word about why but
# in the kernel's log ("ref_ctr_offset mismatch"). So a tracer that leaves the semaphore out shuts
# out every other that names it, as long as it watches.
#
# In kernel/events/uprobes.c: update_ref_ctr() is called where a breakpoint is installed or removed,
# and alloc_uprobe() compares ref_ctr_offset.
#
# Seen on Linux 6.18.44 x86_64, Debian 12:
#
#     one event: semaphore 1
#     two events: semaphore 1
#     a fire: hits 1 and 1
#     a third, without semaphore: Invalid argument
#     the first closed: semaphore 1
#     the second closed: semaphore 0
#     one without semaphore: semaphore 0
#     a second, with it: Invalid argument
set -euo pipefail
folder=$(mktemp -d)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=findings/lib.bash
. "$here/lib.bash"

uprobe_program <<'C'
#include <errno.h>

#include "uprobe.h"

static const char *refusal(int event)
{
    return event < 0 ? strerror(errno) : "none";
}

int main(int count, char **arguments)
{
    int first, second;

    make_place(arguments[count - 1], NOP1, sizeof(NOP1) - 1);
    first = attach_counted();
    printf("one event: semaphore %u\n", *semaphore);
    second = attach_counted();
    printf("two events: semaphore %u\n", *semaphore);
    fire();
    printf("a fire: hits %lu and %lu\n", hits(first), hits(second));
    printf("a third, without semaphore: %s\n", refusal(attach(0)));
    close(first);
    printf("the first closed: semaphore %u\n", *semaphore);
    close(second);
    printf("the second closed: semaphore %u\n", *semaphore);
    first = attach(0);
    printf("one without semaphore: semaphore %u\n", *semaphore);
    printf("a second, with it: %s\n", refusal(attach(SEMAPHORE)));
    close(first);
    return 0;
}
C
