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

struct demo {
    const char *file;
    uint64_t lines; /* 0: without end */
    uint64_t pace;  /* milliseconds */
    uint64_t wait;  /* seconds, 0: don't */
    FILE *text;
    rst_provider *provider;
    rst_probe *line, *done;
    sigset_t ends;  /* the signals that end the program: blocked, and read by sigtimedwait() */
    bool ended;     /* one of them has come, or all lines have been fired */
    uint64_t fired; /* number of lines so far */
};

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

static struct demo parse(int count, char **words)
{
    static const struct option known[] = {
        {"lines", required_argument, NULL, 'n'}, {"pace", required_argument, NULL, 'p'},
        {"wait", required_argument, NULL, 'w'},  {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},     {NULL, 0, NULL, 0},
    };
    struct demo demo = {.file = DEFAULT_FILE, .pace = 100};
    int option;

    while ((option = getopt_long(count, words, "n:p:w:hV", known, NULL)) != -1) {
        switch (option) {
        case 'n':
            demo.lines = number("--lines", UINT64_MAX);
            break;
        case 'p':
            demo.pace = number("--pace", MOST_SECONDS * UINT64_C(1000));
            break;
        case 'w':
            demo.wait = number("--wait", MOST_SECONDS);
            break;
        case 'h':
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        case 'V':
            printf("rst-demo %s\n", rst_version());
            exit(EXIT_SUCCESS);
        default:
            fputs("Try 'rst-demo --help'.\n", stderr);
            exit(EXIT_USAGE);
        }
    }
    if (count - optind > 1)
        errx(EXIT_USAGE, "give one FILE, not %d\nTry 'rst-demo --help'.", count - optind);
    if (optind < count)
        demo.file = words[optind];
    return demo;
}

/* Wait a while. Gives whether a signal came that ends the program. */
static bool told_to_end(struct demo *demo, uint64_t milliseconds)
{
    const struct timespec duration = {.tv_sec = (time_t)(milliseconds / 1000),
                                      .tv_nsec = (long)(milliseconds % 1000) * 1000000};

    if (!demo->ended)
        demo->ended = sigtimedwait(&demo->ends, NULL, &duration) > 0;
    return demo->ended;
}

static void load(struct demo *demo)
{
    demo->provider = rst_provider_new("demo");
    demo->line =
        rst_provider_add(demo->provider, "line", "uint64 number, string text, uint32 length");
    demo->done = rst_provider_add(demo->provider, "done", "uint64 lines");
    if (!demo->line || !demo->done || rst_provider_load(demo->provider) < 0)
        errx(EXIT_FAILURE, "provider demo: %s", rst_error());
}

static void announce(const struct demo *demo)
{
    const char *path = rst_probe_path(demo->line);

    printf("ready %ld %s\n", (long)getpid(), path ? path : "-"); /* RST_DISABLE=1: no path */
    if (fflush(stdout) != 0)
        err(EXIT_FAILURE, "standard output");
}

static void await_tracer(struct demo *demo)
{
    struct timespec begun, now;

    clock_gettime(CLOCK_MONOTONIC, &begun);
    while (!RST_ENABLED(demo->line) && !told_to_end(demo, LOOK_EVERY)) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if ((uint64_t)(now.tv_sec - begun.tv_sec) > demo->wait)
            errx(EXIT_UNWATCHED, "nobody watched demo:line within %" PRIu64 " seconds", demo->wait);
    }
    told_to_end(demo, SETTLE); /* the kernel counts a tracer before it is ready */
}

/* Read the text once. */
static void read_once(struct demo *demo, char **line, size_t *room)
{
    ssize_t length;

    while (!demo->ended && (length = getline(line, room, demo->text)) > 0) {
        if ((*line)[length - 1] == '\n')
            (*line)[--length] = '\0';
        demo->fired++;
        RST_FIRE(demo->line, demo->fired, *line, (uint32_t)length);
        if (!told_to_end(demo, demo->pace) && demo->fired == demo->lines)
            demo->ended = true;
    }
}

static void read_lines(struct demo *demo)
{
    char *line = NULL;
    size_t room = 0;
    uint64_t before;
    int error;

    do {
        before = demo->fired;
        errno = 0;
        read_once(demo, &line, &room);
        error = ferror(demo->text) ? errno : 0;
        /* A pipe can't be rewound, so it is read once. */
    } while (!demo->ended && demo->fired > before && fseek(demo->text, 0, SEEK_SET) == 0);
    free(line);
    RST_FIRE(demo->done, demo->fired);
    if (error)
        errx(EXIT_FAILURE, "%s: %s", demo->file, strerror(error));
    if (demo->fired == 0 && !demo->ended)
        errx(EXIT_FAILURE, "%s: it has no lines", demo->file);
}

int main(int count, char **words)
{
    struct demo demo = parse(count, words);

    sigemptyset(&demo.ends);
    sigaddset(&demo.ends, SIGINT);
    sigaddset(&demo.ends, SIGTERM);
    sigaddset(&demo.ends, SIGHUP);
    sigprocmask(SIG_BLOCK, &demo.ends, NULL);
    demo.text = fopen(demo.file, "r");
    if (!demo.text)
        err(EXIT_FAILURE, "%s", demo.file);
    load(&demo);
    announce(&demo);
    if (demo.wait)
        await_tracer(&demo);
    read_lines(&demo);
    rst_provider_free(demo.provider);
    fclose(demo.text);
    return EXIT_SUCCESS;
}
