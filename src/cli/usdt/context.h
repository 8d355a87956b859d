/* SPDX-License-Identifier: MIT */
/*
 * The registers of a thread at a site, as the kernel hands them to a BPF program: its context,
 * which begins with struct pt_regs or user_pt_regs. And how operands of the thread's CPU name them.
 *
 * There is a row for each kernel and each CPU whose programs it runs: x86_64 runs those of i386,
 * too, and aarch64 those of arm. All of it is known on every machine.
 */
#ifndef CLI_CONTEXT_H
#define CLI_CONTEXT_H

#include "arch/arch.h"

/* A register, or several with a number. Names are separated by blanks; # stands for a number. */
struct register_names {
    const char *whole, *part; /* of all of it, and of its low bytes */
    const char *high;         /* of its second byte */
    const char *tracefs;      /* as the kernel spells it; NULL: like the first of `whole` */
    uint8_t first, last;      /* of # */
    uint8_t number;           /* the place of the first one: see context_offset() */
};

/*
 * The forms that an operand may have, separated by semicolons. In a form are
 *
 *     R B I    a register, a base, an index
 *     S L      a scale: 1, 2, 4 or 8; or its logarithm
 *     D        a number
 *     N n      a sum of numbers and a symbol; n: if there is one
 *     P        %rip, after a sum with a symbol
 *
 * and a blank stands for any number of them. Everything else stands for itself.
 */
struct operand_forms {
    const char *registers, *constants, *memory;
};

struct context {
    const struct rst_arch *kernel, *program;
    const struct register_names *names; /* the last is empty */
    const struct operand_forms *forms;
    const uint16_t *offsets; /* of the registers; NULL: one after the other from: */
    uint16_t first;
    uint16_t site; /* of the program counter */
};

/* The context for programs of a CPU on a kernel; NULL if it can't run them. Both may be NULL. */
const struct context *context_find(const struct rst_arch *kernel, const struct rst_arch *program);

/* The CPU of the kernel that rst runs on, which for a 32-bit rst may be a 64-bit one. */
const struct rst_arch *context_kernel(void);

/* Where the register of that number is in the context. */
uint16_t context_offset(const struct context *context, uint8_t number);

/* How many bytes of it the program's registers and addresses have: 4 or 8. */
static inline uint8_t context_word(const struct context *context)
{
    return context->program->is_64_bit ? 8 : 4;
}

/* The kernel's name in tracefs for the register at an offset. */
struct tracefs_name {
    char text[8];
};

struct tracefs_name context_tracefs_name(const struct context *context, uint16_t offset);

#endif
