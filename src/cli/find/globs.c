/* SPDX-License-Identifier: MIT */
#include "cli/find/globs.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/command.h"

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
