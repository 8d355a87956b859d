/* SPDX-License-Identifier: MIT */
/*
 * rst: see the USDT probes of any process. This file finds the subcommand.
 */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "cli/find/near.h"
#include "error.h"
#include "rst.h"

static const struct command *const commands[] = {&list_command, &trace_command, &recipe_command,
                                                 &emit_command, &check_command};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(void)
{
    printf("Usage: rst COMMAND [ARGUMENT]...\n"
           "See the probes (USDT) of any process: librst's, and those of programs and libraries\n"
           "that were compiled with sys/sdt.h.\n"
           "\n");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
    printf("\n"
           "  -h, --help     show this text\n"
           "  -V, --version  show the version\n"
           "\n"
           "What does process 4711 do at its probe shop:checkout, right now?\n"
           "    sudo rst trace -p 4711 shop:checkout\n"
           "Which lines of the Rails application in process 4711 cause slow queries?\n"
           "    sudo rst recipe rails-slow-sql -p 4711\n"
           "What probes does process 4711 have, and is one of them watched?\n"
           "    rst list -p 4711\n"
           "Which processes have a probe checkout, of any provider?\n"
           "    sudo rst list '*:checkout'\n"
           "Which probes does Ruby's interpreter have?\n"
           "    rst list /usr/lib/x86_64-linux-gnu/libruby-3.1.so.3.1\n"
           "Can probes be loaded and traced on this machine?\n"
           "    rst check\n"
           "Write the image of some probes to a file:\n"
           "    rst emit shop 'checkout(uint64 order, string customer)' -o shop.so\n"
           "\n"
           "'rst COMMAND --help' says more; rst(1) says everything, with the exit statuses.\n");
}

/* Gives NULL, and reports it, if there is no such command. */
static const struct command *find(const char *word)
{
    struct near near;

    near_start(&near, word);
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i]->name, word) == 0)
            return commands[i];
        near_offer(&near, commands[i]->name);
    }
    if (near.count > 0)
        say_usage("", "there is no command %s; did you mean '%s'?", rst_quote(word).text,
                  near.words[0]);
    else
        say_usage("", "there is no command %s", rst_quote(word).text);
    return NULL;
}

static bool is_either(const char *word, const char *brief, const char *full)
{
    return strcmp(word, brief) == 0 || strcmp(word, full) == 0;
}

/* Whether a command is asked for help. Words after "--" are not options. */
static bool asks_for_help(int count, char **words)
{
    for (int i = 1; i < count && strcmp(words[i], "--") != 0; i++)
        if (is_either(words[i], "-h", "--help"))
            return true;
    return false;
}

static enum status run(int count, char **words)
{
    const bool helps = count > 1 && strcmp(words[1], "help") == 0; /* "rst help list" */
    const char *word = count > 1 + helps ? words[1 + helps] : "help";
    const struct command *command;

    if (is_either(word, "-V", "--version")) {
        printf("rst %s\n", rst_version());
        return STATUS_GOOD;
    }
    if (is_either(word, "-h", "--help") || strcmp(word, "help") == 0) {
        print_help();
        return count < 2 ? STATUS_USAGE : STATUS_GOOD;
    }
    command = find(word);
    if (!command)
        return STATUS_USAGE;
    if (!helps && !asks_for_help(count - 1, words + 1))
        return command->run(count - 1, words + 1);
    fputs(command->help, stdout);
    return STATUS_GOOD;
}

/*
 * A file that rst opens must not become stdout, should rst be started without one. Reading and
 * writing fail then, as they did.
 */
static void keep_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int main(int count, char **words)
{
    keep_standard_descriptors();
    setlocale(LC_CTYPE, "");  /* for the encoding and the width of characters */
    signal(SIGPIPE, SIG_IGN); /* a write fails instead, which is reported */
    signal(SIGXFSZ, SIG_IGN);
    return finish_output(run(count, words));
}
