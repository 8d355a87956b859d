/* SPDX-License-Identifier: MIT */
/*
 * The commonest sort of probe: of sys/sdt.h, without a semaphore. It waits for the end of its
 * input.
 */
#include <stdio.h>
#include <sys/sdt.h>

int main(void)
{
    int lines = 0;

    printf("ready\n");
    fflush(stdout);
    while (getchar() != EOF)
        DTRACE_PROBE1(plain, line, lines++);
    return 0;
}
