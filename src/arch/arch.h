/* SPDX-License-Identifier: MIT */
/*
 * What an image needs to know of a CPU. Each CPU has one file in arch/ and one row in RST_ARCHES;
 * no code outside its file knows an instruction or the name of a register. docs/porting.md says how
 * to add one.
 */
#ifndef RST_ARCH_H
#define RST_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rst.h"

/* The CPUs: arch/NAME.c defines rst_arch_NAME, whose `name` is NAME. */
#define RST_ARCHES(ROW)                                                                            \
    ROW(x86_64)                                                                                    \
    ROW(aarch64)                                                                                   \
    ROW(i386)                                                                                      \
    ROW(arm)                                                                                       \
    ROW(riscv64)                                                                                   \
    ROW(ppc64le)                                                                                   \
    ROW(s390x)                                                                                     \
    ROW(loongarch64)

/*
 * The instruction at the site, which a tracer's breakpoint replaces. RST_NOP1 is the CPU's plain
 * nop, which has one byte on x86. The others are x86_64's only, and named by their lengths.
 */
enum rst_nop { RST_NOP1, RST_NOP5, RST_NOP10, RST_NOPS };

/*
 * A stub: the function that a fire calls. It holds the site, and sets up a frame, so that a tracer
 * that unwinds by frame pointer at the site finds the caller.
 */
struct rst_stub {
    const uint8_t *code; /* NULL: the CPU has no such nop */
    /*
     * DWARF call frame instructions. The first advances from the stub's start; at the end the state
     * is that on entry again.
     */
    const uint8_t *unwind;
    uint8_t size;
    uint8_t stride; /* distance between stubs, so that the kernel can patch each site */
    uint8_t site;   /* offset of the nop */
    uint8_t ret;    /* offset of the last instruction, the return, from which no row follows */
    uint8_t unwind_size;
};

/*
 * Where the arguments are at the site, as operands in a note. Each argument on the stack has 8
 * bytes, one after the other.
 */
struct rst_operands {
    const char *registers[RST_MAX_ARGS]; /* of the first arguments; NULL for those on the stack */
    const char *before, *after;          /* what an operand has around a displacement */
    uint16_t first_on_stack;             /* the displacement of the first argument there */
};

struct rst_arch {
    const char *name;
    struct rst_stub stubs[RST_NOPS];
    struct rst_operands operands;

    /* For the CIE: the state on entry to a stub, as call frame instructions. */
    const uint8_t *unwind;

    /* An instruction that traps, for the room between stubs. */
    const uint8_t *filler;

    /* The first bytes of what the kernel or a debugger may write over a site to watch it. */
    const uint8_t *watchers;

    /*
     * The description in .note.gnu.property: which control-flow protection the stubs comply with.
     * There is no such section if the size is 0.
     */
    const uint8_t *property;

    uint8_t unwind_size, filler_size, watcher_count, property_size;

    uint8_t code_align, return_register; /* for the CIE, too */
    int8_t data_align;

    uint8_t hash_word_size; /* of the numbers in .hash */
    uint16_t machine;       /* e_machine */
    bool is_64_bit;         /* the ELF class */
    bool is_big_endian;
    uint32_t flags; /* e_flags of a program with the ABI that the stubs are for */

    /* The largest that a kernel may have: parts of the image are so far apart. */
    uint32_t page;

    bool is_native; /* this code is compiled for the CPU, and for the same ABI */
};

#define RST_ARCH_DECLARE(name) extern const struct rst_arch rst_arch_##name;
RST_ARCHES(RST_ARCH_DECLARE)
#undef RST_ARCH_DECLARE

/* All of them; the last is NULL. */
extern const struct rst_arch *const rst_arches[];

/* Their names, for messages: "x86_64, aarch64". */
extern const char *const rst_arch_names;

/* The one of that name; NULL if there is none. */
const struct rst_arch *rst_arch_find(const char *name);

/* The CPU that this code is compiled for; NULL if librst does not support it. */
const struct rst_arch *rst_arch_native(void);

/* The longest operand: "[sp, #104]" and its NUL. */
#define RST_OPERAND_ROOM 16

/*
 * Write the operand of argument `index`, of `size` bytes, as text with a NUL. Gives its length. A
 * big-endian CPU has a small argument at the end of its 8 bytes.
 */
size_t rst_operand(const struct rst_arch *arch, size_t index, unsigned size,
                   char ret[RST_OPERAND_ROOM]);

#endif
