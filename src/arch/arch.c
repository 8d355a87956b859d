/* SPDX-License-Identifier: MIT */
#include "arch/arch.h"

#include <string.h>

#define ADDRESS(name) &rst_arch_##name,
const struct rst_arch *const rst_arches[] = {RST_ARCHES(ADDRESS) NULL};

/* The first name has no comma before it. */
#define COMMA_AND_NAME(name) ", " #name
static const char names[] = RST_ARCHES(COMMA_AND_NAME);
const char *const rst_arch_names = names + sizeof(", ") - 1;

const struct rst_arch *rst_arch_find(const char *name)
{
    for (size_t i = 0; rst_arches[i]; i++)
        if (strcmp(rst_arches[i]->name, name) == 0)
            return rst_arches[i];
    return NULL;
}

const struct rst_arch *rst_arch_native(void)
{
    for (size_t i = 0; rst_arches[i]; i++)
        if (rst_arches[i]->is_native)
            return rst_arches[i];
    return NULL;
}

static char *append(char *to, const char *text)
{
    size_t length = strlen(text);

    memcpy(to, text, length + 1);
    return to + length;
}

/* A number below 1000. printf(3) would take most of the time of making an image. */
static char *append_number(char *to, unsigned number)
{
    if (number >= 100)
        *to++ = (char)('0' + number / 100);
    if (number >= 10)
        *to++ = (char)('0' + number / 10 % 10);
    *to++ = (char)('0' + number % 10);
    return to;
}

size_t rst_operand(const struct rst_arch *arch, size_t index, unsigned size,
                   char ret[RST_OPERAND_ROOM])
{
    const struct rst_operands *operands = &arch->operands;
    unsigned displacement = operands->first_on_stack + (arch->is_big_endian ? 8 - size : 0);
    char *to = ret;

    if (operands->registers[index])
        return (size_t)(append(to, operands->registers[index]) - ret);
    for (size_t i = index; i > 0 && !operands->registers[i - 1]; i--)
        displacement += 8;
    to = append(to, operands->before);
    to = append_number(to, displacement);
    return (size_t)(append(to, operands->after) - ret);
}
