/* SPDX-License-Identifier: MIT */
/*
 * For x86_64, in the assembler's words:
 *
 *     %rdi  %ah                           a register, or a part of it
 *     $-5  $symbol+8                      a constant; an address
 *     -16(%rbp)  8(%rax,%rdx,4)           memory at registers
 *     symbol  symbol+8(%rip)              memory at a symbol
 *     table(,%rdi,8)                      memory at a symbol and registers
 */
#include "cli/usdt/location.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/number.h"
#include "cli/usdt/symbols.h"
#include "cli/usdt/usdt.h"

/* A part of an operand's text. */
struct words {
    const char *at, *end;
};

static bool is_words(struct words words, const char *text)
{
    size_t length = strlen(text);

    return (size_t)(words.end - words.at) == length && memcmp(words.at, text, length) == 0;
}

static bool take(struct words *words, char c)
{
    if (words->at == words->end || *words->at != c)
        return false;
    words->at++;
    return true;
}

/* Take the part up to any of these characters. */
static struct words take_until(struct words *words, const char *ends)
{
    struct words taken = *words;

    while (words->at < words->end && !strchr(ends, *words->at))
        words->at++;
    taken.end = words->at;
    return taken;
}

/* ------------------------------------------------------------------------------- registers -- */

struct part {
    uint16_t offset; /* of the register in struct pt_regs */
    uint8_t size, shift;
};

/* r8 to r15: their parts have a suffix. */
static bool numbered_register(struct words name, struct part *ret)
{
    static const uint16_t offsets[] = {72, 64, 56, 48, 24, 16, 8, 0};
    static const char suffixes[] = "dwbl";
    static const uint8_t sizes[] = {4, 2, 1, 1};
    unsigned number = 0;
    const char *suffix;

    if (!take(&name, 'r'))
        return false;
    while (name.at < name.end && is_digit(*name.at) && number < 100)
        number = 10 * number + (unsigned)(*name.at++ - '0');
    if (number < 8 || number > 15 || name.end - name.at > 1)
        return false;
    ret->offset = offsets[number - 8];
    ret->size = 8;
    ret->shift = 0;
    if (name.at == name.end)
        return true;
    suffix = strchr(suffixes, *name.at);
    if (!suffix)
        return false;
    ret->size = sizes[suffix - suffixes];
    return true;
}

/* Find a register by its name, without the "%". */
static bool find_register(struct words name, struct part *ret)
{
    static const struct {
        uint16_t offset;
        const char *names[5];
    } registers[] = {
        {80, {"rax", "eax", "ax", "al", "ah"}}, {40, {"rbx", "ebx", "bx", "bl", "bh"}},
        {88, {"rcx", "ecx", "cx", "cl", "ch"}}, {96, {"rdx", "edx", "dx", "dl", "dh"}},
        {104, {"rsi", "esi", "si", "sil"}},     {112, {"rdi", "edi", "di", "dil"}},
        {32, {"rbp", "ebp", "bp", "bpl"}},      {152, {"rsp", "esp", "sp", "spl"}},
    };
    static const uint8_t sizes[] = {8, 4, 2, 1, 1};

    for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
        for (size_t j = 0; j < 5; j++)
            if (registers[i].names[j] && is_words(name, registers[i].names[j])) {
                *ret = (struct part){registers[i].offset, sizes[j], j == 4 ? 8 : 0};
                return true;
            }
    return numbered_register(name, ret);
}

static bool take_register(struct words *words, const char *ends, struct part *ret)
{
    return take(words, '%') && find_register(take_until(words, ends), ret);
}

/* ------------------------------------------------------------------------- numbers, symbols -- */

struct reader {
    const struct usdt_probe *site;
    const struct usdt_symbols *symbols;
};

static bool read_number(struct words words, bool negative, uint64_t *ret)
{
    char digits[24] = "", *end;
    size_t length = (size_t)(words.end - words.at);

    if (length == 0 || length >= sizeof(digits) || !is_digit(*words.at))
        return false;
    memcpy(digits, words.at, length);
    errno = 0;
    *ret = strtoull(digits, &end, 0);
    if (*end || errno)
        return false;
    *ret = negative ? -*ret : *ret;
    return true;
}

/* Read "8", "symbol", "symbol-8", "8+symbol+16". At most one term is a symbol. */
static bool read_sum(const struct reader *reader, struct words words, struct location *ret)
{
    bool negative = take(&words, '-');
    uint64_t sum = 0, number;
    int64_t distance;

    do {
        struct words term = take_until(&words, "+-");

        if (!read_number(term, negative, &number)) {
            if (negative || ret->relative || term.at == term.end ||
                memchr(term.at, '@', (size_t)(term.end - term.at)) ||
                !usdt_symbols_distance(reader->symbols, term.at, (size_t)(term.end - term.at),
                                       reader->site->site, &distance))
                return false;
            ret->relative = true;
            number = (uint64_t)distance;
        }
        sum += number;
        negative = words.at < words.end && *words.at == '-';
    } while (words.at < words.end && words.at++);
    ret->number = (int64_t)sum;
    return true;
}

/* Read what is in brackets, after the "(". */
static bool read_registers(struct words words, struct location *ret)
{
    struct part part;
    struct words scale;

    if (is_words(words, "%rip)"))
        return ret->relative;
    if (words.at < words.end && *words.at == '%') {
        if (!take_register(&words, ",)", &part) || part.size != 8)
            return false;
        ret->base = part.offset;
    }
    if (take(&words, ',')) {
        if (!take_register(&words, ",)", &part) || part.size != 8)
            return false;
        ret->index = part.offset;
        if (take(&words, ',')) {
            scale = take_until(&words, ")");
            if (scale.end - scale.at != 1 || !strchr("1248", *scale.at))
                return false;
            ret->scale = (uint8_t)(*scale.at - '0');
        }
    }
    return is_words(words, ")") &&
           (ret->base != LOCATION_NO_REGISTER || ret->index != LOCATION_NO_REGISTER);
}

/* --------------------------------------------------------------------------------- location -- */

static bool read_memory(const struct reader *reader, struct words words, struct location *ret)
{
    struct words before = take_until(&words, "(");

    ret->kind = LOCATION_MEMORY;
    if ((before.at < before.end || words.at == words.end) && !read_sum(reader, before, ret))
        return false;
    return words.at == words.end || (words.at++, read_registers(words, ret));
}

static bool read_location(const struct reader *reader, const struct operand *operand,
                          struct location *ret)
{
    struct words words = {operand->text, operand->text + operand->length};
    struct part part;

    if (operand->size != 0 && operand_size(operand) == 0)
        return false;
    if (take(&words, '$')) {
        ret->kind = LOCATION_CONSTANT;
        return read_sum(reader, words, ret);
    }
    if (words.at == words.end || *words.at != '%')
        return read_memory(reader, words, ret);
    if (!take_register(&words, "", &part) || (part.shift && operand->size > 1))
        return false;
    ret->kind = LOCATION_REGISTER;
    ret->base = part.offset;
    ret->shift = part.shift;
    return true;
}

struct location location_of(uint16_t machine, const struct operand *operand,
                            const struct usdt_probe *site, const struct usdt_symbols *symbols)
{
    static const struct location nowhere = {
        .base = LOCATION_NO_REGISTER, .index = LOCATION_NO_REGISTER, .scale = 1};
    const struct reader reader = {site, symbols};
    struct location location = nowhere;

    return machine == EM_X86_64 && read_location(&reader, operand, &location) ? location : nowhere;
}
