/* SPDX-License-Identifier: MIT */
/*
 * rst-demo: a small program to watch. It reads a text line by line, slowly enough for people to
 * follow, and fires
 *
 *     demo:line(uint64 number, string text, uint32 length)    for each line
 *     demo:done(uint64 lines)                                 once, at the end
 *
 * When its probes are loaded, it prints one line, `ready PID PATH`, so that a tracer can be
 * attached to the process or the path. It prints nothing else: tracers show the lines.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rst.h"

#define DEFAULT_FILE "README.md"
#define LOOK_EVERY 5 /* milliseconds; a semaphore has no event to wait for */
#define SETTLE 100   /* milliseconds between a tracer's attaching and the first line */
#define MOST_SECONDS 86400

enum { EXIT_USAGE = 2, EXIT_UNWATCHED = 3 };

static const char usage[] =
    "Usage: rst-demo [OPTION]... [FILE]\n"
    "Read FILE (" DEFAULT_FILE " if none is named) line by line, over and over, and fire for each\n"
    "line the probe demo:line(uint64 number, string text, uint32 length).\n"
    "\n"
    "  -n, --lines N       stop after N lines (0, the default: never)\n"
    "  -p, --pace MS       wait MS milliseconds after each line (default 100)\n"
    "  -w, --wait SECONDS  before the first line, wait until a tracer watches demo:line;\n"
    "                      after SECONDS give up, with exit status 3\n"
    "  -h, --help          show this text\n"
    "  -V, --version       show librst's version\n"
    "\n"
    "Prints \"ready PID PATH\" when its probes are loaded. At the end it fires\n"
    "demo:done(uint64 lines). SIGINT, SIGTERM and SIGHUP end it.\n";

static const char *file = DEFAULT_FILE;
static uint64_t lines, pace = 100, wait_seconds; /* 0 lines: without end */
static rst_probe *line, *done;
static sigset_t ends;  /* the signals that end the program: blocked, and read by sigtimedwait() */
static bool ended;     /* one of them has come, or all lines have been fired */
static uint64_t fired; /* number of lines so far */

static uint64_t number(const char *option, uint64_t most)
{
    unsigned long long parsed;
    char *end;

    errno = 0;
    parsed = strtoull(optarg, &end, 10);
    if (optarg[0] < '0' || optarg[0] > '9' || *end != '\0' || errno != 0 || parsed > most)
        errx(EXIT_USAGE, "%s: \"%s\" is not a number from 0 to %" PRIu64, option, optarg, most);
    return parsed;
}

static void parse(int count, char **words)
{
    static const struct option known[] = {
        {"lines", required_argument, NULL, 'n'}, {"pace", required_argument, NULL, 'p'},
        {"wait", required_argument, NULL, 'w'},  {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},     {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(count, words, "n:p:w:hV", known, NULL)) != -1)
        if (option == 'n') {
            lines = number("--lines", UINT64_MAX);
        } else if (option == 'p') {
            pace = number("--pace", MOST_SECONDS * UINT64_C(1000));
        } else if (option == 'w') {
            wait_seconds = number("--wait", MOST_SECONDS);
        } else if (option == 'h') {
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        } else if (option == 'V') {
            printf("rst-demo %s\n", rst_version());
            exit(EXIT_SUCCESS);
        } else {
            fputs("Try 'rst-demo --help'.\n", stderr);
            exit(EXIT_USAGE);
        }
    if (count - optind > 1)
        errx(EXIT_USAGE, "give one FILE, not %d\nTry 'rst-demo --help'.", count - optind);
    if (optind < count)
        file = words[optind];
}

/* Wait a while. Gives whether a signal came that ends the program. */
static bool told_to_end(uint64_t milliseconds)
{
    const struct timespec duration = {.tv_sec = (time_t)(milliseconds / 1000),
                                      .tv_nsec = (long)(milliseconds % 1000) * 1000000};

    if (!ended)
        ended = sigtimedwait(&ends, NULL, &duration) > 0;
    return ended;
}

static void await_tracer(void)
{
    struct timespec begun, now;

    clock_gettime(CLOCK_MONOTONIC, &begun);
    while (!RST_ENABLED(line) && !told_to_end(LOOK_EVERY)) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if ((uint64_t)(now.tv_sec - begun.tv_sec) > wait_seconds)
            errx(EXIT_UNWATCHED, "nobody watched demo:line within %" PRIu64 " seconds",
                 wait_seconds);
    }
    told_to_end(SETTLE); /* the kernel counts a tracer before it is ready */
}

/* Read the text over and over. A pipe can't be rewound, so it is read once. */
static void read_lines(FILE *text)
{
    char *words = NULL;
    size_t room = 0;
    ssize_t length;
    uint64_t before = 0;
    int error = 0;

    while (!ended) {
        errno = 0;
        length = getline(&words, &room, text);
        if (length > 0) {
            if (words[length - 1] == '\n')
                words[--length] = '\0';
            fired++;
            RST_FIRE(line, fired, words, (uint32_t)length);
            if (!told_to_end(pace) && fired == lines)
                ended = true;
            continue;
        }
        error = ferror(text) ? errno : 0;
        if (fired == before || fseek(text, 0, SEEK_SET) != 0)
            break;
        before = fired;
    }
    free(words);
    RST_FIRE(done, fired);
    if (error)
        errx(EXIT_FAILURE, "%s: %s", file, strerror(error));
    if (fired == 0 && !ended)
        errx(EXIT_FAILURE, "%s: it has no lines", file);
}

int main(int count, char **words)
{
    rst_provider *provider;
    const char *path;
    FILE *text;

    parse(count, words);
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    text = fopen(file, "r");
    if (!text)
        err(EXIT_FAILURE, "%s", file);
    provider = rst_provider_new("demo");
    line = rst_provider_add(provider, "line", "uint64 number, string text, uint32 length");
    done = rst_provider_add(provider, "done", "uint64 lines");
    if (!line || !done || rst_provider_load(provider) < 0)
        errx(EXIT_FAILURE, "provider demo: %s", rst_error());
    path = rst_probe_path(line);
    printf("ready %ld %s\n", (long)getpid(), path ? path : "-"); /* RST_DISABLE=1: no path */
    if (fflush(stdout) != 0)
        err(EXIT_FAILURE, "standard output");
    if (wait_seconds)
        await_tracer();
    read_lines(text);
    rst_provider_free(provider);
    fclose(text);
    return EXIT_SUCCESS;
}
