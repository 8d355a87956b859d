/* What elfutils' libraries name of glibc's <error.h>, which musl does not have. */
#ifndef ERROR_H
#define ERROR_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define error(status, number, ...)                                                                 \
    (fprintf(stderr, __VA_ARGS__), fprintf(stderr, ": %s\n", strerror(number)),                    \
     (status) ? exit(status) : (void)0)
#endif
