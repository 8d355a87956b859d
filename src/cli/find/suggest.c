/* SPDX-License-Identifier: MIT */
/*
 * What the user may have meant by a glob that matches nothing.
 */
#include "cli/find/find.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/command.h"
#include "cli/base/quote.h"
#include "cli/base/text.h"
#include "cli/find/near.h"
#include "error.h"

#define MOST_OFFERS 200000 /* names that are compared with a glob: at most a second's work */

/* A provider or probe without wildcards. The user meant this name, perhaps mistyped. */
static bool is_word(const char *part)
{
    return part[strcspn(part, "*?[")] == '\0';
}

/* Compare both sides, or, if only one side of the glob has wildcards, the other. */
static void put_compared(bool both, bool by_provider, const char *provider, const char *probe,
                         struct text *ret)
{
    text_clear(ret);
    if (both || by_provider)
        text_add_shown(ret, provider, strlen(provider));
    if (both)
        text_add(ret, ":");
    if (both || !by_provider)
        text_add_shown(ret, probe, strlen(probe));
}

void suggest(const struct findings *findings, const struct glob *glob)
{
    const bool by_provider = is_word(glob->provider), both = by_provider == is_word(glob->probe);
    struct text words = {0}, other = {0};
    struct near near;
    size_t offers = 0;

    put_compared(both, by_provider, glob->provider, glob->probe, &words);
    near_start(&near, words.bytes);
    for (size_t i = 0; i < findings->known_count; i++) {
        const struct usdt_file *file = &findings->known[i]->file;

        for (size_t j = 0; j < file->count && offers < MOST_OFFERS; j++, offers++) {
            put_compared(both, by_provider, file->probes[j].provider, file->probes[j].name, &words);
            near_offer(&near, words.bytes);
        }
    }
    put_compared(both, !by_provider, glob->provider, glob->probe, &other);
    text_clear(&words);
    for (size_t i = 0; i < near.count; i++) {
        text_add(&words, i ? ", " : "; did you mean ");
        if (both)
            text_add(&words, near.words[i]);
        else
            text_addf(&words, "'%s:%s'", by_provider ? near.words[i] : other.bytes,
                      by_provider ? other.bytes : near.words[i]);
    }
    say("no probe matches %s%s%s", rst_quote(glob->text).text, words.bytes, near.count ? "?" : "");
    free(words.bytes);
    free(other.bytes);
}
