/* SPDX-License-Identifier: MIT */
/*
 * rst recipe: questions that are asked often, as files with the arguments of `rst trace` that
 * answer them. read.h says how such a file is written.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/base/quote.h"
#include "cli/find/near.h"
#include "cli/recipe/read.h"
#include "error.h"

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

/* ----------------------------------------------------------------------------- files -- */

/* The directories, with colons between. Those of users come first, and hide ours. */
static void add_directories(struct text *ret)
{
    const char *own = getenv("RST_RECIPES"), *home = getenv("HOME");
    char program[4096];
    ssize_t size = readlink("/proc/self/exe", program, sizeof(program));

    if (own)
        text_addf(ret, "%s:", own);
    if (home)
        text_addf(ret, "%s/.config/librst/recipes:", home);
    while (size > 0 && program[size - 1] != '/')
        size--;
    if (size > 0) /* where rst was built, they are beside it */
        text_addf(ret, "%.*srecipes:", (int)size, program);
    text_add(ret, RST_RECIPE_DIRECTORY);
}

static void find_files(glob_t *ret)
{
    struct text directories = {0}, pattern = {0};
    char *rest, *directory;

    add_directories(&directories);
    rest = directories.bytes;
    while ((directory = strsep(&rest, ":"))) {
        text_clear(&pattern);
        text_addf(&pattern, "%s/*.recipe", directory);
        if (*directory)
            glob(pattern.bytes, ret->gl_pathc ? GLOB_APPEND : 0, NULL, ret);
    }
    free(directories.bytes);
    free(pattern.bytes);
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

/* ------------------------------------------------------------------------------ list -- */

/* The next line of a recipe, fit for a terminal. Gives what follows it. */
static const char *add_line(struct text *ret, const char *bytes)
{
    size_t size = strcspn(bytes, "\n");

    text_add_shown(ret, bytes, size);
    text_add(ret, "\n");
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
        const char *path = files->gl_pathv[i];
        const struct text_path name = name_of(path);
        struct recipe recipe = {0};
        struct text line = {0};
        enum status one;

        if (find(files, name.text) != path)
            continue;
        one = recipe_read(path, NULL, 0, &recipe);
        status = status == STATUS_GOOD ? one : status;
        if (one == STATUS_GOOD) {
            text_add_shown(&line, name.text, strlen(name.text));
            text_addf(&line, "%*s  ", line.size < 20 ? 20 - (int)line.size : 0, "");
            add_line(&line, recipe.bytes + strlen("# "));
            fputs(line.bytes, stdout);
        }
        free(line.bytes);
        recipe_free(&recipe);
    }
    return status;
}

/* ------------------------------------------------------------------------------- run -- */

static void show(const char *bytes)
{
    struct text text = {0};

    while (*bytes)
        bytes = add_line(&text, bytes);
    fputs(text.bytes, stdout);
    free(text.bytes);
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
static enum status trace(const struct recipe *recipe, size_t count, char **words)
{
    size_t all = 1 + recipe->word_count + count;
    char **list = sure(calloc(all + 1, sizeof(*list)));
    struct text command = {0};
    enum status status;

    list[0] = (char[]){"trace"};
    memcpy(list + 1, recipe->words, recipe->word_count * sizeof(*list));
    memcpy(list + 1 + recipe->word_count, words, count * sizeof(*list));
    for (size_t i = 0; i < all; i++) {
        text_add(&command, " ");
        add_word(&command, list[i]);
    }
    say("running: rst%s", command.bytes);
    status = trace_command.run((int)all, list);
    free(command.bytes);
    free(list);
    return status;
}

static enum status act(const glob_t *files, size_t count, char **words)
{
    const bool shows = count > 0 && strcmp(words[0], "--show") == 0;
    struct recipe recipe = {0};
    enum status status;
    const char *path;
    size_t own;

    if (count == 0)
        return list(files);
    if (shows && count != 2)
        return say_usage("recipe", "--show takes the name of one recipe");
    if (words[0][0] == '-' && !shows)
        return say_usage("recipe", "%s: name the recipe first", rst_quote(words[0]).text);
    path = find(files, words[shows]);
    if (!path)
        return STATUS_NONE;
    for (own = 1; own < count && own <= RECIPE_MOST_SETTINGS && is_setting(words[own]); own++)
        ;
    status = recipe_read(path, shows ? NULL : words + 1, shows ? 0 : own - 1, &recipe);
    if (status == STATUS_GOOD && shows)
        show(recipe.bytes);
    else if (status == STATUS_GOOD)
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
