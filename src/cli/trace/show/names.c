/* SPDX-License-Identifier: MIT */
/*
 * Ranges of addresses, and names of functions. A mangled name (Itanium C++ ABI, 5.1), as far as it
 * is read here:
 *
 *     name      = "_Z" ( ["St"] part | "N" { "r" | "V" | "K" | "R" | "O" } part { part } "E" ) ...
 *     part      = "St" | ["L"] digits letters | "C" digit | "D" digit
 *
 * C is a constructor, D a destructor. Rust adds a hash as the last part. A full demangler can be
 * made to print a name of any size, so rst has none.
 */
#include "cli/trace/show/names.h"

#include <stdlib.h>
#include <string.h>

#include "cli/base/text.h"

#define MOST_RANGES (4 << 20)
#define MOST_LOOKED_AT 16 /* ranges may overlap */
#define UNNAMED "_GLOBAL__N_1"

void ranges_add(struct ranges *ranges, struct range range)
{
    if (ranges->count < MOST_RANGES)
        APPEND(ranges->list, ranges->count, range);
}

static int compare(const void *left, const void *right)
{
    const struct range *a = left, *b = right;
    int order = compare_numbers(a->start, b->start);

    return order ? order : compare_numbers(a->rank, b->rank);
}

void ranges_sort(struct ranges *ranges)
{
    uint64_t next = UINT64_MAX; /* the start of the range after those at the same address */

    if (ranges->sorted == ranges->count)
        return;
    qsort(ranges->list, ranges->count, sizeof(*ranges->list), compare);
    ranges->sorted = ranges->count;
    for (size_t i = ranges->count; i-- > 0;) {
        struct range *range = &ranges->list[i];

        if (i + 1 < ranges->count && range[1].start > range->start)
            next = range[1].start;
        if (range->end <= range->start)
            range->end = next;
    }
}

const struct range *ranges_find(const struct ranges *ranges, uint64_t address)
{
    const struct range *found = NULL;
    size_t low = 0, high = ranges->sorted; /* how many start at the address, or before it */

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ranges->list[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i > 0 && low - i < MOST_LOOKED_AT; i--) {
        const struct range *range = &ranges->list[i - 1];

        if (address < range->end && (!found || range->rank > found->rank))
            found = range;
    }
    return found;
}

struct name {
    const char *at;
    struct text words;
    const char *last; /* the last part */
    size_t length;
};

static bool add(struct name *name, const char *start, const char *part, size_t length)
{
    text_add(&name->words, name->words.size > 0 ? "::" : "");
    text_add(&name->words, start);
    text_add_bytes(&name->words, part, length);
    return true;
}

/* Read a part. Gives false if it is of another form. */
static bool read_part(struct name *name, bool nested)
{
    const char *start = name->at;
    char *end;

    name->at += strnlen(start, 2);
    if (strncmp(start, "St", 2) == 0)
        return add(name, "", "std", 3);
    if (name->last && (*start == 'C' || *start == 'D') && is_digit(start[1]))
        return add(name, *start == 'D' ? "~" : "", name->last, name->length);
    start += *start == 'L';
    if (!is_digit(*start))
        return false;
    name->length = strtoul(start, &end, 10);
    if (name->length == 0 || name->length > strlen(end))
        return false;
    name->last = end;
    name->at = end + name->length;
    if (name->length == strlen(UNNAMED) && strncmp(end, UNNAMED, name->length) == 0)
        return add(name, "(anonymous namespace)", "", 0);
    if (nested && *name->at == 'E' && name->length == 17 && *end == 'h' &&
        strspn(end + 1, "0123456789abcdef") >= 16)
        return true;
    return add(name, "", end, name->length);
}

static bool read_name(struct name *name)
{
    bool nested, more;

    if (strncmp(name->at, "_Z", 2) != 0)
        return false;
    name->at += 2;
    nested = *name->at == 'N';
    if (nested)
        name->at += 1 + strspn(name->at + 1, "rVKRO");
    do {
        more = nested || strncmp(name->at, "St", 2) == 0;
        if (!read_part(name, nested))
            return false;
    } while (more && *name->at != 'E');
    return name->last && *name->at != 'I';
}

void function_name(struct text *ret, const char *symbol)
{
    struct name name = {.at = symbol};

    if (read_name(&name)) {
        text_add_bytes(ret, name.words.bytes, name.words.size);
        symbol = name.at + strcspn(name.at, ".@"); /* ".cold": a part that the compiler moved */
        symbol = *symbol == '.' ? symbol : "";
    }
    if (*symbol)
        text_add_bytes(ret, symbol, 1 + strcspn(symbol + 1, "@"));
    free(name.words.bytes);
}
