/* SPDX-License-Identifier: MIT */
/*
 * What the two hosts share: a program that reads lines, has a script's function answer each, and
 * has probes in the interpreter. host.c is the program, probes.c declares the probes; lua.c and
 * mruby.c are a language each.
 */
#ifndef HOST_H
#define HOST_H

#include <rst.h>

/* A language's probes. Its provider is named for it. */
enum host_event { HOST_CALL, HOST_RETURN, HOST_ALLOCATE, HOST_COLLECT, HOST_EVENTS };

extern const char *const host_event_names[HOST_EVENTS];

/* The probes by event. One that could not be declared is NULL, which nobody watches. */
extern rst_probe *host_probes[HOST_EVENTS];

/* How often each event was reported. Calls and returns only are while somebody watches them. */
extern uint64_t host_counts[HOST_EVENTS];

/* The bytes of all allocations. */
extern uint64_t host_bytes;

struct host_language {
    const char *name;
    const char *signatures[HOST_EVENTS];

    /* Make the interpreter, with the probes in it, and run the script. */
    bool (*open)(const char *script);

    /* Before each line: see whether somebody watches, and hook the interpreter, or let go of it. */
    void (*look)(void);

    /* What the script's on_line() makes of a line; lives until the next call. */
    const char *(*answer)(const char *line);

    void (*close)(void);
};

/* Defined by lua.c and by mruby.c. */
extern const struct host_language host_language;

/* Declare the language's probes, and load them. */
rst_provider *host_declare(void);

#endif
