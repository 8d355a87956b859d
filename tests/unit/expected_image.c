/* SPDX-License-Identifier: MIT */
#include "expected_image.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define DIGITS "0123456789"
#define BLANKS " \t\n\r"

static const struct {
    const char *name, *size;
    char letter;
} types[] = {
    {"bool", "1", '?'},   {"int8", "-1", 'b'}, {"int16", "-2", 'h'}, {"int32", "-4", 'i'},
    {"int64", "-8", 'q'}, {"uint8", "1", 'B'}, {"uint16", "2", 'H'}, {"uint32", "4", 'I'},
    {"uint64", "8", 'Q'}, {"float", "4", 'f'}, {"double", "8", 'd'}, {"pointer", "8", 'P'},
    {"string", "8", 's'},
};

bool expected_is_name(const char *text)
{
    return *text && strchr(LETTERS, *text) && text[strspn(text, LETTERS DIGITS)] == '\0';
}

/*
 * Cut `text` at the next comma and split that part into words. Gives how many there are; `words`
 * gets the first 3.
 */
static size_t split(char *text, char *words[3])
{
    char *rest = NULL;
    size_t count = 0;

    for (char *word = strtok_r(text, BLANKS, &rest); word; word = strtok_r(NULL, BLANKS, &rest))
        if (count++ < 3)
            words[count - 1] = word;
    return count;
}

static const char *size_of(const char *type)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(types[i].name, type) == 0)
            return types[i].size;
    return NULL;
}

struct lists {
    const struct expected_cpu *cpu;
    FILE *plain, *arguments;
    const char *names[EXPECTED_MOST_ARGS];
    size_t count;
};

/* A big-endian CPU has a small argument at the end of its 8 bytes on the stack. */
static void print_place(FILE *to, const struct expected_cpu *cpu, size_t index, const char *size)
{
    unsigned displacement = cpu->displacement, bytes = (unsigned)(size[*size == '-'] - '0');

    if (cpu->registers[index]) {
        fputs(cpu->registers[index], to);
        return;
    }
    for (size_t i = 0; i < index; i++)
        displacement += cpu->registers[i] ? 0 : 8;
    if (cpu->data == ELFDATA2MSB)
        displacement += 8 - bytes;
    fprintf(to, "%s%u%s", cpu->left, displacement, cpu->right);
}

static int argument(struct lists *lists, char *text)
{
    char *words[3];
    size_t count, i = lists->count;
    const char *size;

    if (i == EXPECTED_MOST_ARGS)
        return E2BIG;
    count = split(text, words);
    if (count < 1 || count > 2)
        return EINVAL;
    size = size_of(words[0]);
    if (!size || (count == 2 && !expected_is_name(words[1])))
        return EINVAL;
    lists->names[i] = count == 2 ? words[1] : NULL;
    for (size_t j = 0; count == 2 && j < i; j++)
        if (lists->names[j] && strcmp(lists->names[j], words[1]) == 0)
            return EINVAL;
    fprintf(lists->plain, "%s%s%s%s", i ? ", " : "", words[0], count == 2 ? " " : "",
            count == 2 ? words[1] : "");
    fprintf(lists->arguments, "%s%s@", i ? " " : "", size);
    print_place(lists->arguments, lists->cpu, i, size);
    lists->count++;
    return 0;
}

static int arguments(struct lists *lists, char *text)
{
    int error = 0;

    if (text[strspn(text, BLANKS)] == '\0')
        return 0;
    while (text && error == 0) {
        char *comma = strchr(text, ',');

        if (comma)
            *comma = '\0';
        error = argument(lists, text);
        text = comma ? comma + 1 : NULL;
    }
    return error;
}

int expected_signature(const struct expected_cpu *cpu, const char *text, char **plain,
                       char **operands)
{
    size_t plain_size, operands_size;
    struct lists lists = {
        .cpu = cpu,
        .plain = open_memstream(plain, &plain_size),
        .arguments = open_memstream(operands, &operands_size),
    };
    char *copy = strdup(text ? text : "");
    int error = arguments(&lists, copy);

    fclose(lists.plain);
    fclose(lists.arguments);
    free(copy);
    if (error) {
        free(*plain);
        free(*operands);
        *plain = *operands = NULL;
    }
    return error;
}

char *expected_short_form(const char *plain)
{
    char *made, *copy = strdup(plain), *rest = NULL;
    size_t size;
    FILE *to = open_memstream(&made, &size);

    for (char *text = strtok_r(copy, ",", &rest); text; text = strtok_r(NULL, ",", &rest)) {
        char *words[3] = {NULL};
        size_t type = 0;

        split(text, words);
        while (strcmp(types[type].name, words[0]) != 0)
            type++;
        fprintf(to, "%s%c%s", text == copy ? "" : ",", types[type].letter,
                words[1] ? words[1] : "");
    }
    fclose(to);
    free(copy);
    return made;
}

static const uint8_t nop5[] = {0x0f, 0x1f, 0x44, 0x00, 0x00},
                     nop10[] = {0x66, 0x2e, 0x0f, 0x1f, 0x84, /* and any operand; this one: */
                                0x2e, 0x48, 0x83, 0xec, 0x80};

const struct expected_bytes expected_nop5 = {nop5, sizeof(nop5)};
const struct expected_bytes expected_nop10 = {nop10, sizeof(nop10)};

struct expected_bytes expected_gap(const struct expected_image *expected)
{
    static const uint8_t gap[] = {0x66, 0x90}; /* a nop of two bytes, the second of which is one */

    return expected->nop.at == nop5    ? (struct expected_bytes){gap + 1, 1}
           : expected->nop.at == nop10 ? (struct expected_bytes){gap, 2}
                                       : (struct expected_bytes){gap, 0};
}

size_t expected_site(const struct expected_image *expected)
{
    return expected->cpu->before.size + expected_gap(expected).size;
}
