/* SPDX-License-Identifier: MIT */
/*
 * For x86_64: converts an operand to an expression, for versions of bpftrace that fail at arg6 and
 * up.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/base/number.h"
#include "cli/trace/trace.h"

const char *trace_register_named(const char *text, size_t length)
{
    static const char *const names[][5] = {
        {"ax", "rax", "eax", "ax", "al"},       {"bx", "rbx", "ebx", "bx", "bl"},
        {"cx", "rcx", "ecx", "cx", "cl"},       {"dx", "rdx", "edx", "dx", "dl"},
        {"si", "rsi", "esi", "si", "sil"},      {"di", "rdi", "edi", "di", "dil"},
        {"bp", "rbp", "ebp", "bp", "bpl"},      {"sp", "rsp", "esp", "sp", "spl"},
        {"r8", "r8", "r8d", "r8w", "r8b"},      {"r9", "r9", "r9d", "r9w", "r9b"},
        {"r10", "r10", "r10d", "r10w", "r10b"}, {"r11", "r11", "r11d", "r11w", "r11b"},
        {"r12", "r12", "r12d", "r12w", "r12b"}, {"r13", "r13", "r13d", "r13w", "r13b"},
        {"r14", "r14", "r14d", "r14w", "r14b"}, {"r15", "r15", "r15d", "r15w", "r15b"},
    };

    if (length < 2 || *text != '%')
        return NULL;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        for (size_t j = 1; j < 5; j++)
            if (strlen(names[i][j]) == length - 1 &&
                strncmp(names[i][j], text + 1, length - 1) == 0)
                return names[i][0];
    return NULL;
}

/* Convert "DISPLACEMENT(BASE)" or "DISPLACEMENT(BASE,INDEX,SCALE)" to an address. */
static bool add_address(struct text *ret, const char *text, size_t length)
{
    const char *open = memchr(text, '(', length), *close = open ? text + length - 1 : NULL;
    const char *base_end, *index_end;
    size_t before = open ? (size_t)(open - text) : 0;
    const char *base, *index;

    if (!open || *close != ')' || (before > 0 && !is_decimal(text, before)))
        return false;
    base_end = memchr(open, ',', (size_t)(close - open));
    base = trace_register_named(open + 1, (size_t)((base_end ? base_end : close) - open - 1));
    if (!base)
        return false;
    text_addf(ret, "reg(\"%s\")", base);
    if (base_end) {
        index_end = memchr(base_end + 1, ',', (size_t)(close - base_end - 1));
        index = trace_register_named(base_end + 1,
                                     (size_t)((index_end ? index_end : close) - base_end - 1));
        if (!index || (index_end && (close - index_end != 2 || !strchr("1248", index_end[1]))))
            return false;
        text_addf(ret, " + reg(\"%s\") * %c", index, index_end ? index_end[1] : '1');
    }
    if (before > 0 && *text == '-')
        text_addf(ret, " - %.*s", (int)before - 1, text + 1);
    else if (before > 0)
        text_addf(ret, " + %.*s", (int)before, text);
    return true;
}

char *trace_place(const struct operand *operand)
{
    const char *name = trace_register_named(operand->text, operand->length);
    struct text words = {0};
    bool known = operand_size(operand) > 0; /* a float is read as bits */

    text_clear(&words);
    if (name) {
        text_addf(&words, "reg(\"%s\")", name);
        if (operand->length == 3 && operand->text[2] == 'h') /* %ah */
            known = false;
    } else if (operand->kind == OPERAND_CONSTANT &&
               is_decimal(operand->text + 1, operand->length - 1)) {
        text_addf(&words, "(%.*s)", (int)operand->length - 1, operand->text + 1);
    } else {
        text_addf(&words, "*(uint%d*)(", 8 * (int)operand->size);
        known = known && add_address(&words, operand->text, operand->length);
        text_add(&words, ")");
    }
    if (known)
        return words.bytes;
    free(words.bytes);
    return NULL;
}
