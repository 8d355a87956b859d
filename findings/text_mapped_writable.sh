#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Linux: text that was writable when it was mapped has no breakpoints of the tracers that are there
# already, and making it read-only and executable with mprotect() does not bring them: a fire is not
# seen, for as long as the tracer stays. Text that was only readable when it was mapped has them, at
# once, and so keeps them when it becomes executable. A tracer that comes later finds both, and
# brings the breakpoint for the earlier one, too. (A linker or JIT that maps a file writable to
# relocate its text, and then protects it, is such a program.)
#
# In kernel/events/uprobes.c, uprobe_mmap() and valid_vma(): a mapping to install a breakpoint in
# must be one that may become executable, and must not be writable; mprotect() does not ask again.
#
# Seen on Linux 6.18.44 x86_64, Debian 12:
#
#     mapped r-x: breakpoint, hits 1
#     mapped rw-, then r-x: no breakpoint, hits 0
#     mapped r--, then r-x: breakpoint, hits 1
#     mapped rw-, then r-x, and a second event: breakpoint, hits 1
set -euo pipefail
folder=$(mktemp -d)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=findings/lib.bash
. "$here/lib.bash"

uprobe_program <<'C'
#include "uprobe.h"

/* Attach, map the text so, make it executable, fire, and say what the event has seen. */
static void show(int protection, int with_second, const char *what)
{
    int event = attach(0), second = -1;

    need(event >= 0, "perf_event_open");
    map_text(protection);
    need(mprotect(text, PAGE, PROT_READ | PROT_EXEC) == 0, "mprotect");
    if (with_second)
        second = attach(0);
    printf("mapped %s: %s, ", what, breakpoint());
    fire();
    printf("hits %lu\n", hits(event));
    if (with_second)
        close(second);
    close(event);
}

int main(int count, char **arguments)
{
    make_place(arguments[count - 1], NOP1, sizeof(NOP1) - 1);
    show(PROT_READ | PROT_EXEC, 0, "r-x");
    show(PROT_READ | PROT_WRITE, 0, "rw-, then r-x");
    show(PROT_READ, 0, "r--, then r-x");
    show(PROT_READ | PROT_WRITE, 1, "rw-, then r-x, and a second event");
    return 0;
}
C
