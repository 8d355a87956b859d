/* SPDX-License-Identifier: MIT */
#include "cli/find/near.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/command.h"
#include "cli/base/quote.h"
#include "cli/base/text.h"
#include "cli/find/find.h"
#include "error.h"

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

/* ------------------------------------------------------------- what was meant by a glob -- */

#define MOST_OFFERS 200000 /* names that are compared with a glob: at most a second's work */

/* Whether one side of a glob has no wildcards: the user meant this name, perhaps mistyped. */
static bool is_word(const char *side)
{
    return side[strcspn(side, "*?[")] == '\0';
}

/* Write the sides that are asked for, fit for a terminal. */
static const char *write_sides(const char *provider, const char *probe, struct text *ret)
{
    text_clear(ret);
    if (provider)
        text_add_shown(ret, provider, strlen(provider));
    if (provider && probe)
        text_add(ret, ":");
    if (probe)
        text_add_shown(ret, probe, strlen(probe));
    return ret->bytes;
}

void suggest(const struct findings *findings, const struct glob *glob)
{
    /* Compare the side without wildcards, or both. The other side stays as it is. */
    const bool one = is_word(glob->provider) != is_word(glob->probe);
    const bool by_provider = !one || is_word(glob->provider);
    const bool by_probe = !one || is_word(glob->probe);
    struct text words = {0}, name = {0};
    struct near near;
    size_t offers = 0;

    near_start(&near, write_sides(by_provider ? glob->provider : NULL,
                                  by_probe ? glob->probe : NULL, &name));
    for (size_t i = 0; i < findings->known_count; i++) {
        const struct usdt_file *file = &findings->known[i]->file;

        for (size_t j = 0; j < file->count && offers < MOST_OFFERS; j++, offers++)
            near_offer(&near, write_sides(by_provider ? file->probes[j].provider : NULL,
                                          by_probe ? file->probes[j].name : NULL, &name));
    }
    text_clear(&words);
    write_sides(by_provider ? NULL : glob->provider, by_probe ? NULL : glob->probe, &name);
    for (size_t i = 0; i < near.count; i++) {
        text_add(&words, i ? ", " : "; did you mean ");
        if (one)
            text_addf(&words, "'%s:%s'", by_provider ? near.words[i] : name.bytes,
                      by_provider ? name.bytes : near.words[i]);
        else
            text_add(&words, near.words[i]);
    }
    say("no probe matches %s%s%s", rst_quote(glob->text).text, words.bytes, near.count ? "?" : "");
    free(words.bytes);
    free(name.bytes);
}
