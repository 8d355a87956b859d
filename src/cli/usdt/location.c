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

#include "cli/base/command.h"
#include "cli/base/number.h"
#include "cli/usdt/symbols.h"
#include "cli/usdt/usdt.h"

static bool take(const char **at, char c)
{
    bool there = **at == c;

    *at += there;
    return there;
}

/* ------------------------------------------------------------------------------- registers -- */

struct part {
    uint16_t offset; /* of the register in struct pt_regs */
    bool is_whole;
    uint8_t shift;
};

static bool take_register(const char **at, struct part *ret)
{
    enum { NAMES = 6, HIGH = 5 };
    static const struct {
        uint16_t offset;
        const char *names[NAMES]; /* the whole register first; the last: its second byte */
    } registers[] = {
        {80, {"rax", "eax", "ax", "al", NULL, "ah"}},
        {40, {"rbx", "ebx", "bx", "bl", NULL, "bh"}},
        {88, {"rcx", "ecx", "cx", "cl", NULL, "ch"}},
        {96, {"rdx", "edx", "dx", "dl", NULL, "dh"}},
        {104, {"rsi", "esi", "si", "sil"}},
        {112, {"rdi", "edi", "di", "dil"}},
        {32, {"rbp", "ebp", "bp", "bpl"}},
        {152, {"rsp", "esp", "sp", "spl"}},
        {72, {"r8", "r8d", "r8w", "r8b", "r8l"}},
        {64, {"r9", "r9d", "r9w", "r9b", "r9l"}},
        {56, {"r10", "r10d", "r10w", "r10b", "r10l"}},
        {48, {"r11", "r11d", "r11w", "r11b", "r11l"}},
        {24, {"r12", "r12d", "r12w", "r12b", "r12l"}},
        {16, {"r13", "r13d", "r13w", "r13b", "r13l"}},
        {8, {"r14", "r14d", "r14w", "r14b", "r14l"}},
        {0, {"r15", "r15d", "r15w", "r15b", "r15l"}},
    };
    const char *name = *at + 1;
    size_t length = strcspn(name, ",)");

    if (**at != '%' || length == 0)
        return false;
    for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
        for (size_t j = 0; j < NAMES; j++) {
            const char *known = registers[i].names[j];

            if (!known || strlen(known) != length || memcmp(known, name, length) != 0)
                continue;
            *ret = (struct part){registers[i].offset, j == 0, j == HIGH ? 8 : 0};
            *at = name + length;
            return true;
        }
    return false;
}

/* ------------------------------------------------------------------------- numbers, symbols -- */

struct reader {
    const struct usdt_probe *site;
    const struct usdt_symbols *symbols;
};

static bool read_number(const char *at, size_t length, uint64_t *ret)
{
    char *end;

    errno = 0;
    *ret = strtoull(at, &end, 0);
    return is_digit(*at) && end == at + length && errno == 0;
}

/* Read "8", "symbol", "symbol-8", "8+symbol+16", up to a "(". At most one term is a symbol. */
static bool read_sum(const struct reader *reader, const char **at, struct location *ret)
{
    bool negative = take(at, '-');
    uint64_t sum = 0, number;
    int64_t distance;

    do {
        size_t length = strcspn(*at, "+-(");

        if (!read_number(*at, length, &number)) {
            if (negative || ret->relative || length == 0 || memchr(*at, '@', length) ||
                !usdt_symbols_distance(reader->symbols, *at, length, reader->site->site, &distance))
                return false;
            ret->relative = true;
            number = (uint64_t)distance;
        }
        sum += negative ? -number : number;
        *at += length;
        negative = **at == '-';
    } while (negative ? take(at, '-') : take(at, '+'));
    ret->number = (int64_t)sum;
    return true;
}

/* Read what is in brackets, after the "(". */
static bool read_registers(const char **at, struct location *ret)
{
    struct part part;

    if (strcmp(*at, "%rip)") == 0)
        return ret->relative;
    if (take_register(at, &part)) {
        if (!part.is_whole)
            return false;
        ret->base = part.offset;
    }
    if (take(at, ',')) {
        if (!take_register(at, &part) || !part.is_whole)
            return false;
        ret->index = part.offset;
        if (take(at, ',')) {
            if (!**at || !strchr("1248", **at))
                return false;
            ret->scale = (uint8_t)(*(*at)++ - '0');
        }
    }
    return strcmp(*at, ")") == 0 &&
           (ret->base != LOCATION_NO_REGISTER || ret->index != LOCATION_NO_REGISTER);
}

/* --------------------------------------------------------------------------------- location -- */

static bool read_location(const struct reader *reader, const struct operand *operand,
                          const char *at, struct location *ret)
{
    struct part part;

    if (operand->size != 0 && operand_size(operand) == 0)
        return false;
    if (*at == '%') {
        ret->kind = LOCATION_REGISTER;
        if (!take_register(&at, &part) || (part.shift && operand->size > 1))
            return false;
        ret->base = part.offset;
        ret->shift = part.shift;
        return *at == '\0';
    }
    ret->kind = take(&at, '$') ? LOCATION_CONSTANT : LOCATION_MEMORY;
    if (*at != '(' && !read_sum(reader, &at, ret))
        return false;
    return *at == '\0' ||
           (ret->kind == LOCATION_MEMORY && take(&at, '(') && read_registers(&at, ret));
}

struct location location_of(uint16_t machine, const struct operand *operand,
                            const struct usdt_probe *site, const struct usdt_symbols *symbols)
{
    static const struct location nowhere = {
        .base = LOCATION_NO_REGISTER, .index = LOCATION_NO_REGISTER, .scale = 1};
    const struct reader reader = {site, symbols};
    struct location location = nowhere;
    char *text = sure(strndup(operand->text, operand->length));
    bool good = machine == EM_X86_64 && read_location(&reader, operand, text, &location);

    free(text);
    return good ? location : nowhere;
}
