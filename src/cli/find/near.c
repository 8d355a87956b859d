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
 * into the other. Three rows of the usual table are enough.
 */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][NEAR_LENGTH];
    size_t *before = rows[0], *above = rows[1], *row = rows[2], *reused;

    for (size_t j = 0; j <= b_length; j++)
        above[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        reused = before;
        before = above;
        above = row;
        row = reused;
    }
    return above[b_length];
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
