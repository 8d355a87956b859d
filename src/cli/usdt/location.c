/* SPDX-License-Identifier: MIT */
#include "cli/usdt/location.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/command.h"
#include "cli/base/text.h"
#include "cli/usdt/context.h"
#include "cli/usdt/elf_file.h"
#include "cli/usdt/operand.h"

struct reader {
    const struct context *context;
    const struct usdt_symbols *symbols;
    uint64_t site;
    const char *at;
    struct location location;
};

static const struct location nowhere = {
    .base = LOCATION_NO_REGISTER, .index = LOCATION_NO_REGISTER, .scale = 1};

/* ---------------------------------------------------------------------------- registers -- */

/* What follows in a list of words; NULL: nothing. */
static const char *next(const char *word, char separator)
{
    const char *end = strchr(word, separator);

    return end ? end + 1 : NULL;
}

/* Whether the name is the word, or its # is a number from `first` to `last`, which `ret` gets. */
static bool is_word(const char *word, size_t word_length, const char *name, size_t length,
                    const struct register_names *row, unsigned *ret)
{
    const char *mark = memchr(word, '#', word_length);
    size_t before = mark ? (size_t)(mark - word) : word_length;
    size_t digits = length + 1 - word_length; /* in place of # */

    *ret = row->first;
    if (!mark)
        return length == word_length && memcmp(word, name, length) == 0;
    if (length < word_length || digits > 2 || (digits == 2 && name[before] == '0') ||
        memcmp(word, name, before) != 0 ||
        memcmp(mark + 1, name + before + digits, word_length - before - 1) != 0)
        return false;
    *ret = 0;
    for (size_t i = before; i < before + digits; i++) {
        if (!is_digit(name[i]))
            return false;
        *ret = 10 * *ret + (unsigned)(name[i] - '0');
    }
    return *ret >= row->first && *ret <= row->last;
}

static bool is_named(const char *words, const char *name, size_t length,
                     const struct register_names *row, unsigned *ret)
{
    for (; words; words = next(words, ' '))
        if (is_word(words, strcspn(words, " "), name, length, row, ret))
            return true;
    return false;
}

/* Read a register's name. Gives its offset in the context, or LOCATION_NO_REGISTER. */
static uint16_t read_register(struct reader *reader, bool is_whole)
{
    const char *name = reader->at;
    size_t length = *name == '%';
    unsigned number;

    length += strspn(name + length, "abcdefghijklmnopqrstuvwxyz0123456789");
    for (const struct register_names *row = reader->context->names; row->whole || row->part;
         row++) {
        const char *const names[] = {row->whole, row->part, row->high};

        for (int i = 0; i < (is_whole ? 1 : 3); i++) {
            if (!is_named(names[i], name, length, row, &number))
                continue;
            reader->location.shift = i == 2 ? 8 : 0;
            reader->at += length;
            return context_offset(reader->context, (uint8_t)(row->number + number - row->first));
        }
    }
    return LOCATION_NO_REGISTER;
}

/* ------------------------------------------------------------------------------ numbers -- */

static bool take(struct reader *reader, char c)
{
    bool there = *reader->at == c;

    reader->at += there;
    return there;
}

static bool read_number(const char *at, size_t length, uint64_t *ret)
{
    char *end;

    errno = 0;
    *ret = strtoull(at, &end, 0);
    return is_digit(*at) && end == at + length && errno == 0;
}

/* Read "8", "symbol", "symbol-8", "8+symbol+16", up to a "(". At most one term is a symbol. */
static bool read_sum(struct reader *reader)
{
    struct location *location = &reader->location;
    bool negative = take(reader, '-');
    uint64_t sum = 0, number;
    int64_t distance;

    do {
        const char *at = reader->at;
        size_t length = strcspn(at, "+-(");

        if (!read_number(at, length, &number)) {
            if (negative || location->relative || length == 0 || memchr(at, '@', length) ||
                !usdt_symbols_distance(reader->symbols, at, length, reader->site, &distance))
                return false;
            location->relative = true;
            number = (uint64_t)distance;
        }
        sum += negative ? -number : number;
        reader->at += length;
        negative = *reader->at == '-';
    } while (take(reader, '-') || take(reader, '+'));
    location->number = (int64_t)sum;
    return true;
}

static bool read_plain(struct reader *reader)
{
    bool negative = take(reader, '-');
    size_t length = strcspn(reader->at, "()[], ");
    uint64_t number;

    if (!read_number(reader->at, length, &number))
        return false;
    reader->at += length;
    reader->location.number = (int64_t)(negative ? -number : number);
    return true;
}

static bool read_scale(struct reader *reader, bool is_logarithm)
{
    const char *digits = is_logarithm ? "0123" : "1248", *found = strchr(digits, *reader->at);

    if (!*reader->at || !found)
        return false;
    reader->location.scale = (uint8_t)(1U << (found - digits));
    reader->at++;
    return true;
}

/* -------------------------------------------------------------------------------- forms -- */

static bool read_part(struct reader *reader, char part)
{
    struct location *location = &reader->location;

    switch (part) {
    case 'R':
    case 'B':
        location->base = read_register(reader, part == 'B');
        return location->base != LOCATION_NO_REGISTER;
    case 'I':
        location->index = read_register(reader, true);
        return location->index != LOCATION_NO_REGISTER;
    case 'S':
    case 'L':
        return read_scale(reader, part == 'L');
    case 'n':
        return *reader->at == '(' || read_sum(reader);
    case 'N':
        return read_sum(reader);
    case 'D':
        return read_plain(reader);
    case 'P':
        return location->relative && take(reader, '%') && take(reader, 'r') && take(reader, 'i') &&
               take(reader, 'p');
    case ' ':
        reader->at += strspn(reader->at, " ");
        return true;
    default:
        return take(reader, part);
    }
}

static bool read_form(struct reader *reader, const char *form)
{
    while (*form && *form != ';' && read_part(reader, *form))
        form++;
    return (*form == '\0' || *form == ';') && *reader->at == '\0';
}

/* Read the text in one of the forms, which are those of a kind. */
static bool read_kind(struct reader *reader, const char *text, enum location_kind kind,
                      const char *forms)
{
    for (const char *form = forms; form; form = next(form, ';')) {
        reader->at = text;
        reader->location = nowhere;
        if (read_form(reader, form)) {
            reader->location.kind = kind;
            return true;
        }
    }
    return false;
}

static bool read_text(struct reader *reader, const char *text, uint32_t size)
{
    const struct operand_forms *forms = reader->context->forms;

    if (read_kind(reader, text, LOCATION_REGISTER, forms->registers)) /* not half of a number */
        return size <= (reader->location.shift ? 1 : context_word(reader->context));
    return read_kind(reader, text, LOCATION_CONSTANT, forms->constants) ||
           read_kind(reader, text, LOCATION_MEMORY, forms->memory);
}

struct location location_of(const struct context *context, const struct operand *operand,
                            uint64_t site, const struct usdt_symbols *symbols)
{
    struct reader reader = {.context = context, .symbols = symbols, .site = site};
    char *text = sure(strndup(operand->text, operand->length));
    bool good = context && (operand->size == 0 || operand_size(operand) != 0) &&
                read_text(&reader, text, operand->size);

    free(text);
    return good ? reader.location : nowhere;
}
