/* SPDX-License-Identifier: MIT */
#include "cli/recipe/read.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/base/file.h"
#include "cli/base/quote.h"
#include "cli/base/text.h"
#include "error.h"

struct reader {
    const char *path, *start, *at;
    char **settings; /* NULL: all are empty */
    size_t setting_count;
    uint64_t used; /* a bit for each setting that the recipe has */
};

/* Report a fault of the file at a byte. */
static enum status fault(const struct reader *reader, const char *at, const char *words)
{
    size_t line = 1;

    for (const char *byte = reader->start; byte < at; byte++)
        line += *byte == '\n';
    say("%s: line %zu: %s", text_path(reader->path).text, line, words);
    return STATUS_BAD_FILE;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static size_t name_length(const char *words)
{
    return strspn(words, "abcdefghijklmnopqrstuvwxyz_");
}

bool is_setting(const char *word)
{
    return name_length(word) > 0 && word[name_length(word)] == '=';
}

/* Read "10ms" as nanoseconds. */
static bool read_time(const char *word, double *ret)
{
    static const struct {
        const char *name;
        double nanoseconds;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
    const char *digits_end = word + strspn(word, "0123456789.");
    char *end;

    *ret = strtod(word, &end);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (end > word && end == digits_end && strcmp(end, units[i].name) == 0) {
            *ret *= units[i].nanoseconds;
            return *ret < 1e18;
        }
    return false;
}

/* Add the value of a setting, "NAME" or "NAME=DEFAULT". */
static enum status add_setting(struct reader *reader, char *name, struct text *ret)
{
    char *standard = name + name_length(name), *value = NULL;
    double time;

    if (*standard)
        *standard++ = '\0';
    else
        standard = NULL;
    for (size_t i = 0; i < reader->setting_count; i++)
        if (strncmp(reader->settings[i], name, strlen(name)) == 0 &&
            reader->settings[i][strlen(name)] == '=') {
            reader->used |= UINT64_C(1) << i;
            value = reader->settings[i] + strlen(name) + 1;
        }
    if (!reader->settings)
        return STATUS_GOOD;
    if (!value && !standard)
        return say_usage("recipe", "give %s=VALUE after the recipe's name", name);
    if (!standard || !read_time(standard, &time))
        text_add(ret, value ? value : standard);
    else if (!value || read_time(value, &time))
        text_addf(ret, "%.0f", time);
    else
        return say_usage("recipe", "%s=%s: not a time like %s; the units are ns, us, ms and s",
                         name, rst_quote(value).text, standard);
    return STATUS_GOOD;
}

static enum status read_word(struct reader *reader, struct text *ret)
{
    const char *quote = NULL; /* the one that is open */
    enum status status = STATUS_GOOD;

    text_add(ret, "");
    while (status == STATUS_GOOD && *reader->at && (quote || !is_blank(*reader->at))) {
        const char *at = reader->at++;
        size_t size = strcspn(at, "}\n"), length;
        char *name;

        if (strncmp(at, "${", 2) == 0) {
            length = name_length(at + 2);
            if (at[size] != '}' || length == 0 || !strchr("=}", at[2 + length]))
                return fault(reader, at, "write ${NAME} or ${NAME=DEFAULT}, with a name of a to z");
            name = text_format("%.*s", (int)size - 2, at + 2);
            status = add_setting(reader, name, ret);
            free(name);
            reader->at = at + size + 1;
        } else if (quote ? *at == *quote : *at == '\'' || *at == '"') {
            quote = quote ? NULL : at;
        } else {
            text_add_bytes(ret, at, 1);
        }
    }
    return quote && status == STATUS_GOOD ? fault(reader, quote, "a quote has no end") : status;
}

/* Whatever the file is, what is printed of it must not control a terminal. */
static enum status read_words(struct reader *reader, size_t size, struct recipe *ret)
{
    enum status status = STATUS_GOOD;

    for (const char *at = reader->at; at < reader->at + size; at++)
        if (iscntrl((unsigned char)*at) && *at != '\t' && *at != '\n')
            return fault(reader, at, "a control character");
    if (strncmp(reader->at, "# ", 2) != 0)
        return fault(reader, reader->at, "begin with '# ' and the question that is answered");
    while (status == STATUS_GOOD && *reader->at) {
        struct text word = {0};

        if (*reader->at == '#') {
            reader->at += strcspn(reader->at, "\n");
        } else if (is_blank(*reader->at)) {
            reader->at++;
        } else {
            status = read_word(reader, &word);
            ret->words = room_for_one(ret->words, ret->word_count, sizeof(*ret->words));
            ret->words[ret->word_count++] = word.bytes;
        }
    }
    if (status == STATUS_GOOD && ret->word_count == 0)
        return fault(reader, reader->at, "the arguments of rst trace are missing");
    for (size_t i = 0; status == STATUS_GOOD && i < reader->setting_count; i++)
        if (!(reader->used >> i & 1))
            return say_usage("recipe", "%s: the recipe has no such setting; see --show",
                             rst_quote(reader->settings[i]).text);
    return status;
}

enum status recipe_read(const char *path, char **settings, size_t setting_count, struct recipe *ret)
{
    struct reader reader = {path, ret->bytes, ret->bytes, settings, setting_count, 0};
    struct stat about;
    int fd = file_open(path, &about);
    ssize_t size = fd < 0 ? fd : read(fd, ret->bytes, sizeof(ret->bytes));
    int error = fd < 0 ? fd : size < 0 ? -errno : 0;

    if (fd >= 0)
        close(fd);
    if (error < 0) {
        file_fail(error == -ENXIO ? -EISDIR : error, text_path(path).text);
        return say_failure(error);
    }
    if (size > RECIPE_MOST_BYTES) {
        say("%s: longer than %d bytes", text_path(path).text, RECIPE_MOST_BYTES);
        return STATUS_BAD_FILE;
    }
    ret->bytes[size] = '\0';
    return read_words(&reader, (size_t)size, ret);
}

void recipe_free(struct recipe *recipe)
{
    for (size_t i = 0; i < recipe->word_count; i++)
        free(recipe->words[i]);
    free(recipe->words);
}
