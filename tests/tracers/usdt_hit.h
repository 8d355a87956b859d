/* SPDX-License-Identifier: MIT */
/*
 * What usdt.bpf.c tells libbpf_watcher.c: the two are compiled for different machines.
 */
#ifndef USDT_HIT_H
#define USDT_HIT_H

#define HIT_TEXT_SIZE 160
#define HIT_MAX_ARGS 12

/* The cookie of an attached probe: its number, above the set of its arguments that are strings. */
#define COOKIE(probe, strings) ((__u64)(probe) << 16 | (strings))
#define COOKIE_PROBE(cookie) ((__u32)((cookie) >> 16))
#define COOKIE_IS_STRING(cookie, index) ((cookie) >> (index)&1)

/* A hit has one of these for itself, with the number of arguments as its value, and one for each.
 */
struct usdt_hit {
    __u32 probe;
    __s32 index; /* of the argument, or -1 for the hit itself */
    __s64 value;
    __s32 error;     /* of reading the argument */
    __s32 text_size; /* with its NUL; 0: not a string */
    char text[HIT_TEXT_SIZE];
};

#endif
