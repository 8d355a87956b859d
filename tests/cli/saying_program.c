/* SPDX-License-Identifier: MIT */
/*
 * A program that fires texts from its input. Each line has the bytes of a text in hexadecimal; the
 * program fires say:words(string text, int32 length) with it, from a thread of the same name. It
 * answers "fired", and ends when its input ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "rst.h"

#define MOST 8192

int main(void)
{
    rst_provider *provider = rst_provider_new("say");
    rst_probe *probe = rst_provider_add(provider, "words", "string text, int32 length");
    char line[2 * MOST + 2], bytes[MOST + 1];

    if (!probe || rst_provider_load(provider) < 0) {
        fprintf(stderr, "%s\n", rst_error());
        return 1;
    }
    printf("ready %d\n", (int)getpid());
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        size_t length = strspn(line, "0123456789abcdef") / 2;

        for (size_t i = 0; i < length; i++) {
            char digits[] = {line[2 * i], line[2 * i + 1], '\0'};

            bytes[i] = (char)strtoul(digits, NULL, 16);
        }
        bytes[length] = '\0';
        prctl(PR_SET_NAME, bytes);
        RST_FIRE(probe, bytes, (int32_t)length);
        printf("fired\n");
        fflush(stdout);
    }
    rst_provider_free(provider);
    return 0;
}
