/* SPDX-License-Identifier: MIT */
#include "cli/usdt/operand.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/command.h"
#include "cli/base/text.h"
#include "cli/usdt/elf_file.h"

#define MOST_DIGITS 9 /* of a size; what claims more has no valid one */

static bool has(const char *text, size_t length, char c)
{
    return memchr(text, c, length) != NULL;
}

/* Whether the text is a number and nothing else. */
static bool is_number(const char *text, size_t length)
{
    size_t at = length > 0 && text[0] == '-';

    if (at == length)
        return false;
    for (; at < length; at++)
        if (!is_digit(text[at]) && !has("xabcdefABCDEF", 13, text[at]))
            return false;
    return is_digit(text[length > 1 && text[0] == '-']);
}

/*
 * x86 writes $5, %rdi and 8(%rbp); "%fs:counter@tpoff" is not a register but a thread's variable,
 * at a symbol. ARM writes 5 or #5, x0 and [sp, 8]. powerpc writes i5, 3 and 8(1) or 3,4.
 */
static enum operand_kind kind_of(uint16_t machine, const char *text, size_t length)
{
    const bool is_x86 = machine == EM_X86_64 || machine == EM_386;
    const bool is_powerpc = machine == EM_PPC || machine == EM_PPC64;

    if (length == 0)
        return OPERAND_OTHER;
    if (is_powerpc ? text[0] == 'i' && is_number(text + 1, length - 1)
                   : text[0] == '$' || text[0] == '#' || (!is_x86 && is_number(text, length)))
        return OPERAND_CONSTANT;
    if (text[0] == '[' || has(text, length, '(') || (is_powerpc && has(text, length, ',')))
        return OPERAND_MEMORY;
    return is_x86 && (text[0] != '%' || has(text, length, ':')) ? OPERAND_OTHER : OPERAND_REGISTER;
}

/* The length up to the next blank outside brackets. */
static size_t word_length(const char *text)
{
    size_t at = 0;
    bool inside = false;

    for (; text[at] && (inside || text[at] != ' '); at++)
        inside = text[at] == '[' || (inside && text[at] != ']');
    return at;
}

/* Read "-4@" or "8f@". Gives the length of the prefix; 0 if there is none. */
static size_t read_prefix(const char *text, struct operand *operand)
{
    const bool is_signed = *text == '-';
    const size_t digits = strspn(text + is_signed, "0123456789");
    const bool is_float = text[is_signed + digits] == 'f';
    const size_t at = is_signed + digits + is_float;

    if (digits == 0 || digits > MOST_DIGITS || text[at] != '@')
        return 0;
    operand->size = (uint32_t)strtoul(text + is_signed, NULL, 10);
    operand->is_signed = is_signed;
    operand->is_float = is_float;
    return at + 1;
}

bool operand_next(const char **at, uint16_t machine, struct operand *ret)
{
    struct operand operand = {0};
    const char *text = *at + strspn(*at, " ");
    size_t length = word_length(text), prefix = read_prefix(text, &operand);

    if (length == 0)
        return false;
    operand.text = text + prefix;
    operand.length = length - prefix;
    operand.kind = kind_of(machine, operand.text, operand.length);
    *at = text + length;
    *ret = operand;
    return true;
}

uint8_t operand_size(const struct operand *operand)
{
    uint32_t size = operand->size;

    return size == 1 || size == 2 || size == 4 || size == 8 ? (uint8_t)size : 0;
}

const char *const operand_kind_names[] = {
    [OPERAND_OTHER] = "other",
    [OPERAND_REGISTER] = "register",
    [OPERAND_MEMORY] = "memory",
    [OPERAND_CONSTANT] = "constant",
};

bool operand_has_type(const struct operand *operand, enum rst_type type)
{
    const char *prefix = rst_types[type].prefix;
    const bool is_signed = *prefix == '-';

    return operand->size == (uint32_t)(prefix[is_signed] - '0') &&
           operand->is_signed == is_signed && !operand->is_float;
}

const char *operand_type(const struct operand *operand)
{
    if (operand->is_float)
        return operand->size == 4 ? "float" : operand->size == 8 ? "double" : "?";
    for (enum rst_type type = RST_TYPE_INT8; type <= RST_TYPE_UINT64; type++)
        if (operand_has_type(operand, type))
            return rst_types[type].name;
    return "?";
}

/* ------------------------------------------------------------------------------- locations -- */

/*
 * For x86_64, in the assembler's words:
 *
 *     %rdi  %ah                           a register, or a part of it
 *     $-5  $symbol+8                      a constant; an address
 *     -16(%rbp)  8(%rax,%rdx,4)           memory at registers
 *     symbol  symbol+8(%rip)              memory at a symbol
 *     table(,%rdi,8)                      memory at a symbol and registers
 */
static bool take(const char **at, char c)
{
    bool there = **at == c;

    *at += there;
    return there;
}

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

struct reader {
    uint64_t site;
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
                !usdt_symbols_distance(reader->symbols, *at, length, reader->site, &distance))
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

struct location location_of(uint16_t machine, const struct operand *operand, uint64_t site,
                            const struct usdt_symbols *symbols)
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
