/* SPDX-License-Identifier: MIT */
#include "cli/find/lookup.h"

#include <limits.h>
#include <stdlib.h>

#include "cli/base/number.h"
#include "error.h"

enum status search_add_pid(struct search *search, const char *command, const char *word)
{
    uint64_t pid;

    if (!read_whole(word, 1, INT_MAX, &pid))
        return say_usage(command, "-p %s: not a process id", rst_quote(word).text);
    for (size_t i = 0; i < search->pid_count; i++)
        if (search->pids[i] == (pid_t)pid)
            return STATUS_GOOD;
    search->pids = room_for_one(search->pids, search->pid_count, sizeof(*search->pids));
    search->pids[search->pid_count++] = (pid_t)pid;
    return STATUS_GOOD;
}

void search_add_word(struct search *search, const char *word)
{
    if (glob_is(word)) {
        search->globs = room_for_one(search->globs, search->glob_count, sizeof(*search->globs));
        glob_make(word, &search->globs[search->glob_count++]);
    } else {
        search->files = room_for_one(search->files, search->file_count, sizeof(*search->files));
        search->files[search->file_count++] = word;
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
