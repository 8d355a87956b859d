/* SPDX-License-Identifier: MIT */
/*
 * rst recipe: questions that are asked often, as files. A file is a comment, whose first line is
 * the question, and then the arguments of `rst trace` that answer it.
 *
 *     # Which lines of the application cause slow queries?
 *     # Needs rails:sql, of the gem ruby-static-tracing.
 *     rails:sql --hist nanoseconds --by caller --filter 'nanoseconds >= ${threshold=10ms}'
 *
 * Blanks and newlines separate arguments, except within '...' or "...". A "#" where an argument
 * could begin starts a comment. ${threshold=10ms} is a setting with its default, ${probe} one that
 * must be given. If the default is a time, the value must be one, too, and becomes nanoseconds.
 */
#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/base/file.h"
#include "cli/base/text.h"
#include "cli/find/near.h"
#include "error.h"

#define MOST_BYTES 16384
#define MOST_SETTINGS 64

static const char help[] =
    "Usage: rst recipe\n"
    "       rst recipe NAME [SETTING=VALUE]... [-p PID]... [OPTION of rst trace]...\n"
    "       rst recipe --show NAME\n"
    "Answer a question that is asked often: run rst trace with the arguments of a recipe.\n"
    "Without a name, list the recipes and their questions.\n"
    "\n"
    "      --show NAME    print a recipe: what it needs, what its settings are, what to do if\n"
    "                     nothing shows\n"
    "  -h, --help         show this text\n"
    "\n"
    "What follows NAME and the settings is added to the recipe's arguments: processes, probes,\n"
    "files and options of rst trace. A NAME with a slash is a file. rst looks for others, as\n"
    "NAME.recipe, in the directories of RST_RECIPES, in ~/.config/librst/recipes, and where its\n"
    "own are installed. A file of your own:\n"
    "\n"
    "    # Who spends more than a sum?\n"
    "    # Needs shop:checkout.\n"
    "    shop:checkout --count --by customer --filter 'cents > ${sum=100}'\n"
    "\n"
    "Examples:\n"
    "    rst recipe                                          which recipes there are\n"
    "    rst recipe --show rails-slow-sql                    what it needs, and how it asks\n"
    "    sudo rst recipe rails-slow-sql -p 4711              which lines cause slow queries\n"
    "    sudo rst recipe rails-slow-sql threshold=1ms -p 4711 --seconds 10\n"
    "    sudo rst recipe ./spender.recipe sum=500 -p 4711    a file of your own\n"
    "\n"
    "Exit status: that of rst trace; 1 no such recipe, 2 the command line makes no sense, 5 a\n"
    "recipe's file is wrong.\n";

/* ---------------------------------------------------------------------------- finding -- */

static void add_files(glob_t *ret, const char *directory, size_t size, const char *below)
{
    char *pattern = text_format("%.*s%s/*.recipe", (int)size, directory, below);

    if (size > 0)
        glob(pattern, ret->gl_pathc ? GLOB_APPEND : 0, NULL, ret);
    free(pattern);
}

/* Those of users come first, and hide ours. */
static void find_files(glob_t *ret)
{
    const char *own = getenv("RST_RECIPES"), *home = getenv("HOME");
    char program[4096];
    ssize_t size = readlink("/proc/self/exe", program, sizeof(program));

    for (; own && *own; own += strcspn(own, ":"), own += *own == ':')
        add_files(ret, own, strcspn(own, ":"), "");
    if (home)
        add_files(ret, home, strlen(home), "/.config/librst/recipes");
    while (size > 0 && program[size - 1] != '/')
        size--;
    if (size > 0) /* where rst was built, they are beside it */
        add_files(ret, program, (size_t)size, "recipes");
    add_files(ret, RST_RECIPE_DIRECTORY, strlen(RST_RECIPE_DIRECTORY), "");
}

static struct text_path name_of(const char *path)
{
    struct text_path name;

    snprintf(name.text, sizeof(name.text), "%s", strrchr(path, '/') + 1);
    name.text[strlen(name.text) - strlen(".recipe")] = '\0';
    return name;
}

/* Gives NULL, and reports it, if there is no such recipe. */
static const char *find(const glob_t *files, const char *word)
{
    struct near near;

    if (strchr(word, '/'))
        return word;
    near_start(&near, word);
    for (size_t i = 0; i < files->gl_pathc; i++) {
        if (strcmp(name_of(files->gl_pathv[i]).text, word) == 0)
            return files->gl_pathv[i];
        near_offer(&near, name_of(files->gl_pathv[i]).text);
    }
    if (near.count > 0)
        say("there is no recipe %s; did you mean %s?", rst_quote(word).text,
            rst_quote(near.words[0]).text);
    else
        say("there is no recipe %s; 'rst recipe' lists them", rst_quote(word).text);
    return NULL;
}

/* ---------------------------------------------------------------------------- reading -- */

struct recipe {
    const char *path;
    char bytes[MOST_BYTES + 1]; /* the file */
    const char *at;             /* what is read next */
    char **settings;            /* of the command line; NULL: all are empty */
    size_t setting_count;
    uint64_t used; /* a bit for each setting that the recipe has */
    char **words;  /* "trace" and its arguments */
    size_t word_count;
};

/* Report a fault of the file at a byte. */
static enum status fault(const struct recipe *recipe, const char *at, const char *words)
{
    size_t line = 1;

    for (const char *byte = recipe->bytes; byte < at; byte++)
        line += *byte == '\n';
    say("%s: line %zu: %s", text_path(recipe->path).text, line, words);
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

/* Whether a word of the command line is "NAME=VALUE", with a name that a setting can have. */
static bool is_setting(const char *word)
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
    const char *unit = word + strspn(word, "0123456789.");
    char *end;

    *ret = strtod(word, &end);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (end > word && end == unit && strcmp(unit, units[i].name) == 0) {
            *ret *= units[i].nanoseconds;
            return *ret < 1e18;
        }
    return false;
}

/* Add the value of a setting, "NAME" or "NAME=DEFAULT". */
static enum status add_setting(struct recipe *recipe, const char *name, struct text *ret)
{
    const size_t length = name_length(name);
    const char *standard = name[length] ? name + length + 1 : NULL, *value = NULL;
    double time;

    for (size_t i = 0; i < recipe->setting_count; i++)
        if (strncmp(recipe->settings[i], name, length) == 0 && recipe->settings[i][length] == '=') {
            recipe->used |= UINT64_C(1) << i;
            value = recipe->settings[i] + length + 1;
        }
    if (!recipe->settings)
        return STATUS_GOOD;
    if (!value && !standard)
        return say_usage("recipe", "give %s=VALUE after the recipe's name", name);
    if (!standard || !read_time(standard, &time))
        text_add(ret, value ? value : standard);
    else if (!value || read_time(value, &time))
        text_addf(ret, "%.0f", time);
    else
        return say_usage("recipe", "%.*s=%s: not a time like %s; the units are ns, us, ms and s",
                         (int)length, name, rst_quote(value).text, standard);
    return STATUS_GOOD;
}

static enum status read_word(struct recipe *recipe, struct text *ret)
{
    const char *quote = NULL; /* the one that is open */
    enum status status = STATUS_GOOD;

    text_add(ret, "");
    while (status == STATUS_GOOD && *recipe->at && (quote || !is_blank(*recipe->at))) {
        const char *at = recipe->at++;
        size_t size = strcspn(at, "}\n"), length;
        char *name;

        if (strncmp(at, "${", 2) == 0) {
            length = name_length(at + 2);
            if (at[size] != '}' || length == 0 || !strchr("=}", at[2 + length]))
                return fault(recipe, at, "write ${NAME} or ${NAME=DEFAULT}, with a name of a to z");
            name = text_format("%.*s", (int)size - 2, at + 2);
            status = add_setting(recipe, name, ret);
            free(name);
            recipe->at = at + size + 1;
        } else if (quote ? *at == *quote : *at == '\'' || *at == '"') {
            quote = quote ? NULL : at;
        } else {
            text_add_bytes(ret, at, 1);
        }
    }
    return quote && status == STATUS_GOOD ? fault(recipe, quote, "a quote has no end") : status;
}

/*
 * Read the arguments, and report what is wrong with the recipe or with the settings, of which there
 * must be none that it doesn't have. What is printed of a file must not control a terminal.
 */
static enum status read_words(struct recipe *recipe, size_t size)
{
    enum status status = STATUS_GOOD;

    for (const char *at = recipe->bytes; at < recipe->bytes + size; at++)
        if (iscntrl((unsigned char)*at) && *at != '\t' && *at != '\n')
            return fault(recipe, at, "a control character");
    if (strncmp(recipe->bytes, "# ", 2) != 0)
        return fault(recipe, recipe->bytes, "begin with '# ' and the question that is answered");
    APPEND(recipe->words, recipe->word_count, sure(strdup("trace")));
    while (status == STATUS_GOOD && *recipe->at) {
        struct text word = {0};

        if (*recipe->at == '#') {
            recipe->at += strcspn(recipe->at, "\n");
        } else if (is_blank(*recipe->at)) {
            recipe->at++;
        } else {
            status = read_word(recipe, &word);
            APPEND(recipe->words, recipe->word_count, word.bytes);
        }
    }
    if (status == STATUS_GOOD && recipe->word_count == 1)
        return fault(recipe, recipe->at, "the arguments of rst trace are missing");
    for (size_t i = 0; status == STATUS_GOOD && i < recipe->setting_count; i++)
        if (!(recipe->used >> i & 1))
            return say_usage("recipe", "%s: the recipe has no such setting; see --show",
                             rst_quote(recipe->settings[i]).text);
    return status;
}

static enum status read_recipe(struct recipe *recipe)
{
    const struct text_path name = text_path(recipe->path);
    struct stat about;
    int fd = file_open(recipe->path, &about);
    ssize_t size = fd < 0 ? fd : read(fd, recipe->bytes, sizeof(recipe->bytes));
    int error = fd < 0 ? fd : size < 0 ? -errno : 0;

    if (fd >= 0)
        close(fd);
    if (error < 0) {
        file_fail(error == -ENXIO ? -EISDIR : error, name.text);
        return say_failure(error);
    }
    if (size > MOST_BYTES) {
        say("%s: longer than %d bytes", name.text, MOST_BYTES);
        return STATUS_BAD_FILE;
    }
    recipe->bytes[size] = '\0';
    recipe->at = recipe->bytes;
    return read_words(recipe, (size_t)size);
}

static void recipe_free(struct recipe *recipe)
{
    for (size_t i = 0; i < recipe->word_count; i++)
        free(recipe->words[i]);
    free(recipe->words);
}

/* ---------------------------------------------------------------------------- showing -- */

/* Print the next line of a recipe, fit for a terminal. Gives what follows it. */
static const char *print_line(const char *bytes)
{
    size_t size = strcspn(bytes, "\n");
    struct text line = {0};

    text_add_shown(&line, bytes, size);
    puts(size ? line.bytes : "");
    free(line.bytes);
    return bytes + size + (bytes[size] == '\n');
}

static enum status list(const glob_t *files)
{
    enum status status = STATUS_GOOD;

    if (files->gl_pathc == 0) {
        say("there are no recipes; those of rst are installed in %s", RST_RECIPE_DIRECTORY);
        return STATUS_NONE;
    }
    for (size_t i = 0; i < files->gl_pathc; i++) {
        struct recipe recipe = {.path = files->gl_pathv[i]};
        const struct text_path name = name_of(recipe.path);
        struct text shown = {0};
        enum status one;

        if (find(files, name.text) != recipe.path)
            continue;
        one = read_recipe(&recipe);
        if (one == STATUS_GOOD) {
            text_add_shown(&shown, name.text, strlen(name.text));
            printf("%-20s  ", shown.bytes);
            print_line(recipe.bytes + strlen("# "));
        } else if (status == STATUS_GOOD) {
            status = one;
        }
        free(shown.bytes);
        recipe_free(&recipe);
    }
    return status;
}

/* Add a word as a shell reads it, but fit for a terminal. */
static void add_word(struct text *ret, const char *word)
{
    const char *quote = is_plain_word(word, "-:.,=/") ? "" : "'";

    text_add(ret, quote);
    for (size_t size = strcspn(word, "'"); *word; size = strcspn(word, "'")) {
        if (size > 0)
            text_add_shown(ret, word, size);
        else
            text_add(ret, "'\\''");
        word += size > 0 ? size : 1;
    }
    text_add(ret, quote);
}

/* Run the recipe's arguments with those of the command line, and say what is run. */
static enum status trace(struct recipe *recipe, size_t count, char **words)
{
    struct text command = {0};

    for (size_t i = 0; i < count; i++)
        APPEND(recipe->words, recipe->word_count, sure(strdup(words[i])));
    for (size_t i = 0; i < recipe->word_count; i++) {
        text_add(&command, " ");
        add_word(&command, recipe->words[i]);
    }
    say("running: rst%s", command.bytes);
    free(command.bytes);
    return trace_command.run((int)recipe->word_count, recipe->words);
}

static enum status act(const glob_t *files, size_t count, char **words)
{
    const bool shows = count > 0 && strcmp(words[0], "--show") == 0;
    struct recipe recipe = {0};
    enum status status;
    size_t own = 1; /* the words before those of rst trace */

    if (count == 0)
        return list(files);
    if (shows && count != 2)
        return say_usage("recipe", "--show takes the name of one recipe");
    if (words[0][0] == '-' && !shows)
        return say_usage("recipe", "%s: name the recipe first", rst_quote(words[0]).text);
    recipe.path = find(files, words[shows]);
    if (!recipe.path)
        return STATUS_NONE;
    if (!shows) {
        while (own < count && own <= MOST_SETTINGS && is_setting(words[own]))
            own++;
        recipe.settings = words + 1;
        recipe.setting_count = own - 1;
    }
    status = read_recipe(&recipe);
    for (recipe.at = recipe.bytes; status == STATUS_GOOD && shows && *recipe.at;)
        recipe.at = print_line(recipe.at);
    if (status == STATUS_GOOD && !shows)
        status = trace(&recipe, count - own, words + own);
    recipe_free(&recipe);
    return status;
}

static enum status run(int count, char **words)
{
    glob_t files = {0};
    enum status status;

    find_files(&files);
    status = act(&files, (size_t)count - 1, words + 1);
    globfree(&files);
    return status;
}

const struct command recipe_command = {
    "recipe", "answers to common questions: slow SQL, cache hits, exceptions", help, run};
