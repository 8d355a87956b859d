/* SPDX-License-Identifier: MIT */
#include "cli/find/near.h"

#include <stdbool.h>
#include <string.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/*
 * How many letters must be added, removed, changed or swapped with their neighbour to turn one word
 * into the other.
 */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    unsigned char table[NEAR_LENGTH][NEAR_LENGTH]; /* for the first letters of both */

    for (size_t i = 0; i <= a_length; i++)
        for (size_t j = 0; j <= b_length; j++) {
            size_t found = i + j; /* one word has no letters */

            if (i > 0 && j > 0) {
                found = least(table[i - 1][j], table[i][j - 1]) + 1U;
                found = least(found, table[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            }
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                found = least(found, table[i - 2][j - 2] + 1U);
            table[i][j] = (unsigned char)found;
        }
    return table[a_length][b_length];
}

void near_start(struct near *near, const char *wanted)
{
    size_t length = 0;

    near->count = 0;
    for (; *wanted && length < NEAR_LENGTH - 1; wanted++)
        if (*wanted != '*')
            near->wanted[length++] = *wanted;
    near->wanted[length] = '\0';
}

static bool is_known(const struct near *near, const char *word)
{
    for (size_t i = 0; i < near->count; i++)
        if (strcmp(near->words[i], word) == 0)
            return true;
    return false;
}

void near_offer(struct near *near, const char *word)
{
    size_t wanted_length = strlen(near->wanted), length = strnlen(word, NEAR_LENGTH);
    size_t most = least(3, (wanted_length + 2) / 3), far, at;

    /* The distance is at least the difference in length, which is quick to compute. */
    if (length >= NEAR_LENGTH || length > wanted_length + most || wanted_length > length + most)
        return;
    far = distance(near->wanted, wanted_length, word, length);
    if (far > most || is_known(near, word))
        return;
    for (at = near->count; at > 0 && near->distances[at - 1] > far; at--)
        ;
    if (at == NEAR_WORDS)
        return;
    if (near->count < NEAR_WORDS)
        near->count++;
    memmove(near->words[at + 1], near->words[at], (near->count - at - 1) * sizeof(near->words[0]));
    memmove(&near->distances[at + 1], &near->distances[at],
            (near->count - at - 1) * sizeof(near->distances[0]));
    memcpy(near->words[at], word, length + 1);
    near->distances[at] = far;
}
