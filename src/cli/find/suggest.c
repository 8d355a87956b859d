/* SPDX-License-Identifier: MIT */
#include "cli/find/suggest.h"

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

/* If one side of the glob has wildcards, compare only the other; else compare both. */
enum compared { COMPARE_BOTH, COMPARE_PROVIDER, COMPARE_PROBE };

static enum compared compared_of(const struct glob *glob)
{
    if (is_word(glob->provider) == is_word(glob->probe))
        return COMPARE_BOTH;
    return is_word(glob->provider) ? COMPARE_PROVIDER : COMPARE_PROBE;
}

static void put_offer(const struct usdt_probe *probe, enum compared compared, struct text *ret)
{
    text_clear(ret);
    if (compared != COMPARE_PROBE)
        text_add_shown(ret, probe->provider, strlen(probe->provider));
    if (compared == COMPARE_BOTH)
        text_add(ret, ":");
    if (compared != COMPARE_PROVIDER)
        text_add_shown(ret, probe->name, strlen(probe->name));
}

static void add_suggestion(const struct glob *glob, enum compared compared, const char *word,
                           struct text *ret)
{
    text_add(ret, ret->size ? ", " : "; did you mean ");
    if (compared == COMPARE_BOTH) {
        text_add(ret, word);
        return;
    }
    text_add(ret, "'");
    if (compared == COMPARE_PROVIDER)
        text_add(ret, word);
    else
        text_add_shown(ret, glob->provider, strlen(glob->provider));
    text_add(ret, ":");
    if (compared == COMPARE_PROBE)
        text_add(ret, word);
    else
        text_add_shown(ret, glob->probe, strlen(glob->probe));
    text_add(ret, "'");
}

void suggest(struct known_file *const *files, size_t count, const struct glob *glob)
{
    enum compared compared = compared_of(glob);
    struct text words = {0};
    struct near near;
    size_t offers = 0;

    near_start(&near, compared == COMPARE_PROVIDER ? glob->provider
                      : compared == COMPARE_PROBE  ? glob->probe
                                                   : glob->text);
    for (size_t i = 0; i < count; i++) {
        const struct usdt_file *file = &files[i]->file;

        for (size_t j = 0; j < file->count && offers < MOST_OFFERS; j++, offers++) {
            put_offer(&file->probes[j], compared, &words);
            near_offer(&near, words.bytes);
        }
    }
    text_clear(&words);
    for (size_t i = 0; i < near.count; i++)
        add_suggestion(glob, compared, near.words[i], &words);
    say("no probe matches %s%s%s", rst_quote(glob->text).text, words.bytes, near.count ? "?" : "");
    free(words.bytes);
}
