/* SPDX-License-Identifier: MIT */
#include "cli/usdt/operand.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "cli/base/text.h"

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
 * at a symbol. ARM writes 5 or #5, x0 and [sp, 8]. powerpc writes i5, 3 and 8(1) or 3,4. LoongArch
 * writes 5, $r4 and $r3,8, or with clang $r3, 8.
 */
static enum operand_kind kind_of(uint16_t machine, const char *text, size_t length)
{
    const bool is_x86 = machine == EM_X86_64 || machine == EM_386;
    const bool is_powerpc = machine == EM_PPC || machine == EM_PPC64;
    const bool is_loongarch = machine == rst_arch_loongarch64.machine;

    if (length == 0)
        return OPERAND_OTHER;
    if (is_powerpc ? text[0] == 'i' && is_number(text + 1, length - 1)
                   : (text[0] == '$' && !is_loongarch) || text[0] == '#' ||
                         (!is_x86 && is_number(text, length)))
        return OPERAND_CONSTANT;
    if (text[0] == '[' || has(text, length, '(') ||
        ((is_powerpc || is_loongarch) && has(text, length, ',')))
        return OPERAND_MEMORY;
    return is_x86 && (text[0] != '%' || has(text, length, ':')) ? OPERAND_OTHER : OPERAND_REGISTER;
}

/* The length up to the next blank outside brackets that follows no comma. */
static size_t word_length(const char *text)
{
    size_t at = 0;
    bool inside = false;

    for (; text[at] && (inside || text[at] != ' ' || (at > 0 && text[at - 1] == ',')); at++)
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
