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
#define DEFAULT_PACE 100 /* milliseconds from one line to the next */
#define LOOK_EVERY 5     /* milliseconds; a semaphore has no event to wait for */
#define SETTLE 100       /* milliseconds between a tracer's attaching and the first line */
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

struct demo_options {
    const char *file;
    uint64_t lines; /* 0: without end */
    uint64_t pace;  /* milliseconds */
    uint64_t wait;  /* seconds, 0: don't */
};

struct demo {
    struct demo_options options;
    FILE *text;
    rst_provider *provider;
    rst_probe *line, *done;
    sigset_t ends;  /* the signals that end the program: blocked, and read by sigtimedwait() */
    bool ended;     /* one of them has come */
    uint64_t fired; /* number of lines so far */
};

/* ------------------------------------------------------------------------ options -- */

static void refuse(const char *option, const char *value, uint64_t most)
{
    fprintf(stderr, "rst-demo: %s: \"%s\" is not a number from 0 to %" PRIu64 "\n", option, value,
            most);
    exit(EXIT_USAGE);
}

static uint64_t number(const char *option, const char *value, uint64_t most)
{
    char *end;
    unsigned long long parsed;

    errno = 0;
    parsed = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || parsed > most)
        refuse(option, value, most);
    return parsed;
}

static struct demo_options parse(int count, char **words)
{
    static const struct option known[] = {
        {"lines", required_argument, NULL, 'n'}, {"pace", required_argument, NULL, 'p'},
        {"wait", required_argument, NULL, 'w'},  {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},     {NULL, 0, NULL, 0},
    };
    struct demo_options options = {.file = DEFAULT_FILE, .pace = DEFAULT_PACE};
    int option;

    while ((option = getopt_long(count, words, "n:p:w:hV", known, NULL)) != -1) {
        switch (option) {
        case 'n':
            options.lines = number("--lines", optarg, UINT64_MAX);
            break;
        case 'p':
            options.pace = number("--pace", optarg, MOST_SECONDS * UINT64_C(1000));
            break;
        case 'w':
            options.wait = number("--wait", optarg, MOST_SECONDS);
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
    if (count - optind > 1) {
        fprintf(stderr, "rst-demo: give one FILE, not %d\nTry 'rst-demo --help'.\n",
                count - optind);
        exit(EXIT_USAGE);
    }
    if (optind < count)
        options.file = words[optind];
    return options;
}

/* ----------------------------------------------------------------------- the steps -- */

static int fail(const char *what, const char *words)
{
    fprintf(stderr, "rst-demo: %s: %s\n", what, words);
    return EXIT_FAILURE;
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

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static int load(struct demo *demo)
{
    demo->provider = rst_provider_new("demo");
    if (!demo->provider)
        return fail("provider demo", rst_error());
    demo->line =
        rst_provider_add(demo->provider, "line", "uint64 number, string text, uint32 length");
    demo->done = rst_provider_add(demo->provider, "done", "uint64 lines");
    if (!demo->line || !demo->done)
        return fail("provider demo", rst_error());
    if (rst_provider_load(demo->provider) < 0)
        return fail("provider demo", rst_error());
    return EXIT_SUCCESS;
}

static int announce(const struct demo *demo)
{
    const char *path = rst_probe_path(demo->line);

    printf("ready %ld %s\n", (long)getpid(), path ? path : "-"); /* RST_DISABLE=1: no path */
    return fflush(stdout) == 0 ? EXIT_SUCCESS : fail("standard output", strerror(errno));
}

/* Gives an exit status. */
static int await_tracer(struct demo *demo)
{
    uint64_t deadline = now() + demo->options.wait * 1000;

    while (!RST_ENABLED(demo->line) && !told_to_end(demo, LOOK_EVERY))
        if (now() >= deadline) {
            fprintf(stderr, "rst-demo: nobody watched demo:line within %" PRIu64 " seconds\n",
                    demo->options.wait);
            return EXIT_UNWATCHED;
        }
    told_to_end(demo, SETTLE); /* the kernel counts a tracer before it is ready */
    return EXIT_SUCCESS;
}

/* Read the text once. */
static void read_once(struct demo *demo, char **line, size_t *room)
{
    const struct demo_options *options = &demo->options;
    ssize_t length;

    while (!demo->ended && (length = getline(line, room, demo->text)) > 0) {
        if ((*line)[length - 1] == '\n')
            (*line)[--length] = '\0';
        demo->fired++;
        RST_FIRE(demo->line, demo->fired, *line, (uint32_t)length);
        if (!told_to_end(demo, options->pace) && demo->fired == options->lines)
            demo->ended = true;
    }
}

static int read_lines(struct demo *demo)
{
    const char *file = demo->options.file;
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
        return fail(file, strerror(error));
    return demo->fired > 0 || demo->ended ? EXIT_SUCCESS : fail(file, "it has no lines");
}

static int run(struct demo *demo)
{
    int status = load(demo);

    if (status == EXIT_SUCCESS)
        status = announce(demo);
    if (status == EXIT_SUCCESS && demo->options.wait)
        status = await_tracer(demo);
    if (status == EXIT_SUCCESS)
        status = read_lines(demo);
    rst_provider_free(demo->provider);
    return status;
}

int main(int count, char **words)
{
    struct demo demo = {.options = parse(count, words)};
    int status;

    sigemptyset(&demo.ends);
    sigaddset(&demo.ends, SIGINT);
    sigaddset(&demo.ends, SIGTERM);
    sigaddset(&demo.ends, SIGHUP);
    sigprocmask(SIG_BLOCK, &demo.ends, NULL);
    demo.text = fopen(demo.options.file, "r");
    if (!demo.text)
        return fail(demo.options.file, strerror(errno));
    status = run(&demo);
    fclose(demo.text);
    return status;
}
