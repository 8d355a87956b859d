# SPDX-License-Identifier: MIT
"""Which failures are faults that show now and then, so that a second run takes nothing back."""

import re

# A quiet valgrind writes lines that begin with ==PID== for nothing but what it has found. Ruby says "[BUG]"
# and Python "Fatal Python error" where a signal ends them; "SIGSEGV (signal 11)" is how Ruby shows the end
# of a process that it started; tests themselves end processes by other signals.
FAULT = re.compile(
    r"(Address|Leak|Thread|UndefinedBehavior)Sanitizer|: runtime error: |libFuzzer: |^==\d+== "
    r"|\[BUG\] |^Fatal Python error: |\bSIG(?:ABRT|BUS|FPE|ILL|SEGV|SYS|TRAP) \(signal \d+\)",
    re.M,
)


def is_fault(status, said):
    """Whether what ended with this status, and said this, has met a fault. For a signal, a shell gives 128
    and its number, and Python a number less than 0."""
    return status < 0 or 128 < status < 193 or bool(FAULT.search(said))
