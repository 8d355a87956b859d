/* SPDX-License-Identifier: MIT */
/*
 * The message from usdt.bpf.c to libbpf_watcher.c, which are compiled for different machines.
 */
#ifndef USDT_HIT_H
#define USDT_HIT_H

#define HIT_TEXT_SIZE 160
#define HIT_MAX_ARGS 12

/*
 * The cookie of an attached probe: its number, and in the lower bits which arguments are strings.
 */
#define COOKIE(probe, strings) ((__u64)(probe) << 16 | (strings))
#define COOKIE_PROBE(cookie) ((__u32)((cookie) >> 16))
#define COOKIE_IS_STRING(cookie, index) ((cookie) >> (index)&1)

/*
 * A hit becomes one message with the number of its arguments as the value, then one for each
 * argument.
 */
struct usdt_hit {
    __u32 probe;
    __s32 index; /* the argument's; -1: the first message of the hit */
    __s64 value;
    __s32 error;     /* the error of reading the argument */
    __s32 text_size; /* with the NUL; 0: not a string */
    char text[HIT_TEXT_SIZE];
};

#endif
