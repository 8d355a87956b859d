/* SPDX-License-Identifier: MIT */
/*
 * A mangled name (Itanium C++ ABI, 5.1), as far as it is read here:
 *
 *     name      = "_Z" [ "L" ] ( part | "N" { "r" | "V" | "K" | "R" | "O" } part { part } "E" ) ...
 *     part      = "St" | digits letters | "C" digit | "D" digit
 *
 * The parts after the first one may have "L" before them. C is a constructor, D a destructor. Rust
 * adds a hash as the last part. A full demangler can be made to print a name of any size, so rst
 * has none.
 */
#include "cli/trace/show/function.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/number.h"

#define UNNAMED "_GLOBAL__N_1"

struct name {
    const char *at;
    struct text words;
    const char *last; /* the last part */
    size_t length;
};

static bool is_hash(const char *part, size_t length)
{
    return length == 17 && *part == 'h' && strspn(part + 1, "0123456789abcdef") >= 16;
}

static void add(struct name *name, const char *start, const char *part, size_t length)
{
    if (name->words.size > 0)
        text_add(&name->words, "::");
    text_add(&name->words, start);
    text_add_bytes(&name->words, part, length);
}

/* Read a part. Gives false if it is of another form. */
static bool read_part(struct name *name, bool nested)
{
    char *end;
    unsigned long length;

    if (strncmp(name->at, "St", 2) == 0) {
        add(name, "", "std", 3);
        name->at += 2;
        return true;
    }
    if (name->last && (*name->at == 'C' || *name->at == 'D') && is_digit(name->at[1])) {
        add(name, *name->at == 'D' ? "~" : "", name->last, name->length);
        name->at += 2;
        return true;
    }
    name->at += *name->at == 'L';
    if (!is_digit(*name->at))
        return false;
    length = strtoul(name->at, &end, 10);
    if (length == 0 || length > strlen(end))
        return false;
    name->at = end + length;
    if (length == strlen(UNNAMED) && strncmp(end, UNNAMED, length) == 0)
        add(name, "", "(anonymous namespace)", strlen("(anonymous namespace)"));
    else if (!(nested && *name->at == 'E' && is_hash(end, length)))
        add(name, "", end, length);
    name->last = end;
    name->length = length;
    return true;
}

static bool read_name(struct name *name)
{
    if (strncmp(name->at, "_Z", 2) != 0)
        return false;
    name->at += 2;
    if (*name->at != 'N') {
        bool is_std = strncmp(name->at, "St", 2) == 0;

        return read_part(name, false) && (!is_std || read_part(name, false)) && *name->at != 'I';
    }
    name->at += 1 + strspn(name->at + 1, "rVKRO");
    while (*name->at && *name->at != 'E')
        if (!read_part(name, true))
            return false;
    return *name->at == 'E' && name->last;
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
