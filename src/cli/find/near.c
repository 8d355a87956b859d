/* SPDX-License-Identifier: MIT */
#include "cli/find/near.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/text.h"
#include "error.h"

/* ------------------------------------------------------------------------------ globs -- */

bool glob_is(const char *word)
{
    return strchr(word, ':') && !strchr(word, '/');
}

void glob_make(const char *text, struct glob *ret)
{
    size_t length = strcspn(text, ":");

    *ret = (struct glob){
        .text = text,
        .provider = sure(length ? strndup(text, length) : strdup("*")),
        .probe = sure(strdup(text[length] && text[length + 1] ? text + length + 1 : "*")),
    };
}

void glob_free(struct glob *glob)
{
    free(glob->provider);
    free(glob->probe);
}

bool glob_matches(const struct glob *glob, const char *provider, const char *probe)
{
    return fnmatch(glob->provider, provider, 0) == 0 && fnmatch(glob->probe, probe, 0) == 0;
}

/* ----------------------------------------------------------------------------- search -- */

enum status search_add_pid(struct search *search, const char *command, const char *word)
{
    uint64_t pid;

    if (!read_whole(word, 1, INT_MAX, &pid))
        return say_usage(command, "-p %s: not a process id", rst_quote(word).text);
    for (size_t i = 0; i < search->pid_count; i++)
        if (search->pids[i] == (pid_t)pid)
            return STATUS_GOOD;
    APPEND(search->pids, search->pid_count, (pid_t)pid);
    return STATUS_GOOD;
}

void search_add_word(struct search *search, const char *word)
{
    struct glob glob;

    if (glob_is(word)) {
        glob_make(word, &glob);
        APPEND(search->globs, search->glob_count, glob);
    } else {
        APPEND(search->files, search->file_count, word);
    }
}

void search_free(struct search *search)
{
    for (size_t i = 0; i < search->glob_count; i++)
        glob_free(&search->globs[i]);
    free(search->globs);
    free(search->files);
    free(search->pids);
}

/* ------------------------------------------------------------------------- near names -- */

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

void near_offer(struct near *near, const char *word)
{
    size_t wanted_length = strlen(near->wanted), length = strnlen(word, NEAR_LENGTH);
    size_t most = least(3, (wanted_length + 2) / 3), far, at, moved;

    /* The distance is at least the difference in length, which is quick to compute. */
    if (length >= NEAR_LENGTH || length > wanted_length + most || wanted_length > length + most)
        return;
    far = distance(near->wanted, wanted_length, word, length);
    for (at = 0; at < near->count && near->distances[at] <= far; at++)
        if (strcmp(near->words[at], word) == 0)
            return;
    if (far > most || at == NEAR_WORDS)
        return;
    near->count = least(near->count + 1, NEAR_WORDS);
    moved = near->count - at - 1;
    memmove(near->words[at + 1], near->words[at], moved * sizeof(near->words[0]));
    memmove(&near->distances[at + 1], &near->distances[at], moved * sizeof(near->distances[0]));
    memcpy(near->words[at], word, length + 1);
    near->distances[at] = far;
}
