/* SPDX-License-Identifier: MIT */
/*
 * A program with the most common kind of probe: of sys/sdt.h, without a semaphore, with a name that
 * DTrace calls next-line. It prints "ready", fires once for each line of its input, and answers
 * "fired".
 */
#include <stdio.h>
#include <sys/sdt.h>

int main(void)
{
    char line[64];

    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        DTRACE_PROBE1(plain, next__line, 7);
        printf("fired\n");
        fflush(stdout);
    }
    return 0;
}
