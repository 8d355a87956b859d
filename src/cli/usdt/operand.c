/* SPDX-License-Identifier: MIT */
#include "cli/usdt/operand.h"

#include <elf.h>
#include <string.h>

#include "cli/base/number.h"

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
static size_t read_prefix(const char *text, size_t length, struct operand *operand)
{
    bool is_signed = length > 0 && text[0] == '-', is_float;
    size_t at = is_signed;
    uint32_t size = 0;

    for (; at < length && is_digit(text[at]) && size < OPERAND_MOST_SIZE; at++)
        size = 10 * size + (uint32_t)(text[at] - '0');
    if (at == is_signed)
        return 0;
    is_float = at < length && text[at] == 'f';
    at += is_float;
    if (at == length || text[at] != '@')
        return 0;
    operand->size = size;
    operand->is_signed = is_signed;
    operand->is_float = is_float;
    return at + 1;
}

bool operand_next(const char **at, uint16_t machine, struct operand *ret)
{
    struct operand operand = {0};
    const char *text = *at + strspn(*at, " ");
    size_t length = word_length(text), prefix = read_prefix(text, length, &operand);

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

const char *operand_type(const struct operand *operand)
{
    static const struct {
        uint8_t size;
        const char *as_unsigned, *as_signed, *as_float;
    } types[] = {
        {1, "uint8", "int8", "?"},
        {2, "uint16", "int16", "?"},
        {4, "uint32", "int32", "float"},
        {8, "uint64", "int64", "double"},
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].size != operand->size)
            continue;
        if (operand->is_float)
            return types[i].as_float;
        return operand->is_signed ? types[i].as_signed : types[i].as_unsigned;
    }
    return "?";
}
