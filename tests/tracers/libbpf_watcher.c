/* SPDX-License-Identifier: MIT */
/*
 * A tracer made with libbpf: libbpf_watcher OBJECT PID {PATH PROVIDER PROBE STRINGS}...
 *
 * It attaches OBJECT (usdt.bpf.c) to each probe; STRINGS is a number whose bits tell which
 * arguments are strings. Then it prints "watching", and for each hit
 *     PROVIDER:PROBE argc COUNT
 *     PROVIDER:PROBE INDEX VALUE [TEXT]    VALUE in 64 bits, TEXT in hexadecimal
 * until its input ends.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "usdt_hit.h"

#define FIRST_PROBE 3
#define WORDS 4 /* PATH PROVIDER PROBE STRINGS */

static char **arguments;

static void die(const char *what)
{
    fprintf(stderr, "libbpf_watcher: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int say_hit(void *context, void *data, size_t size)
{
    const struct usdt_hit *hit = data;
    char **words = arguments + FIRST_PROBE + (size_t)hit->probe * WORDS;

    (void)context;
    (void)size;
    printf("%s:%s ", words[1], words[2]);
    if (hit->index < 0) {
        printf("argc %lld\n", (long long)hit->value);
        return 0;
    }
    printf("%d ", (int)hit->index);
    if (hit->error)
        printf("error %d", (int)hit->error);
    else
        printf("%llu", (unsigned long long)hit->value);
    for (int i = 0; i < hit->text_size - 1; i++)
        printf("%s%02x", i ? "" : " ", (unsigned char)hit->text[i]);
    printf("\n");
    return 0;
}

static void attach(const struct bpf_object *object, int pid, char **words, unsigned number)
{
    unsigned long strings = strtoul(words[3], NULL, 10);
    struct bpf_usdt_opts options = {.sz = sizeof(options), .usdt_cookie = COOKIE(number, strings)};
    const struct bpf_program *program = bpf_object__find_program_by_name(object, "watch");

    if (!bpf_program__attach_usdt(program, pid, words[0], words[1], words[2], &options))
        die(words[2]);
}

/* Read hits until the input ends, then those that are left. */
static void watch(struct ring_buffer *ring)
{
    struct pollfd waits[] = {
        {.fd = ring_buffer__epoll_fd(ring), .events = POLLIN},
        {.fd = STDIN_FILENO, .events = POLLIN},
    };

    while (!waits[1].revents) {
        if (poll(waits, 2, -1) < 0)
            die("poll");
        if (ring_buffer__consume(ring) < 0)
            die("ring_buffer__consume");
    }
}

int main(int argc, char *argv[])
{
    struct bpf_object *object;
    struct ring_buffer *ring;

    arguments = argv;
    if (argc < FIRST_PROBE + WORDS || (argc - FIRST_PROBE) % WORDS != 0) {
        fprintf(stderr, "usage: libbpf_watcher OBJECT PID {PATH PROVIDER PROBE STRINGS}...\n");
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    object = bpf_object__open_file(argv[1], NULL);
    if (!object || bpf_object__load(object) < 0)
        die(argv[1]);
    ring = ring_buffer__new(bpf_object__find_map_fd_by_name(object, "hits"), say_hit, NULL, NULL);
    if (!ring)
        die("ring_buffer__new");
    for (int i = FIRST_PROBE; i < argc; i += WORDS)
        attach(object, atoi(argv[2]), argv + i, (unsigned)(i - FIRST_PROBE) / WORDS);
    printf("watching\n");
    watch(ring);
    return 0;
}
