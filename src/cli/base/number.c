/* SPDX-License-Identifier: MIT */
#include "cli/base/number.h"

#include <errno.h>
#include <stdlib.h>

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool read_whole(const char *word, uint64_t least, uint64_t most, uint64_t *ret)
{
    unsigned long long value;
    char *end;

    errno = 0;
    value = strtoull(word, &end, 10);
    if (errno != 0 || !is_digit(*word) || *end != '\0' || value < least || value > most)
        return false;
    *ret = value;
    return true;
}

const char *decimal(uint64_t number, char ret[DECIMAL_TEXT])
{
    char *at = ret + DECIMAL_TEXT - 1;

    *at = '\0';
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    return at;
}

int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

unsigned version_number(const char *version)
{
    char *end;
    unsigned long major = strtoul(version, &end, 10);
    unsigned long minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;

    return (unsigned)(100 * major + (minor < 99 ? minor : 99));
}
