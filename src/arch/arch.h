/* SPDX-License-Identifier: MIT */
/*
 * What an image needs to know of a CPU. Each CPU has one file in arch/; no code outside it knows an
 * instruction or the name of a register.
 */
#ifndef RST_ARCH_H
#define RST_ARCH_H

#include <stddef.h>
#include <stdint.h>

#include "rst.h"

/* The instruction at the site, which a tracer's breakpoint replaces. It is named by its length. */
enum rst_nop { RST_NOP1, RST_NOP5, RST_NOP10, RST_NOPS };

/*
 * A stub: the function that a fire calls. It holds the site, and sets up a frame, so that a tracer
 * that unwinds by frame pointer at the site finds the caller.
 */
struct rst_stub {
    const uint8_t *code;
    const uint8_t *unwind; /* DWARF call frame instructions for the stub's FDE */
    uint8_t size;
    uint8_t stride; /* distance between stubs, so that the kernel can patch each site */
    uint8_t site;   /* offset of the nop */
    uint8_t unwind_size;
};

struct rst_arch {
    const char *name;
    uint16_t machine; /* e_machine */
    uint32_t flags;   /* e_flags */
    uint8_t filler;   /* between stubs: traps if it is ever run */

    /* The first bytes of what the kernel or a debugger may write over a site to watch it. */
    const uint8_t *watchers;
    uint8_t watcher_count;

    /* For the CIE: the state on entry to a stub. */
    uint8_t code_align, return_register;
    int8_t data_align;
    const uint8_t *unwind;
    uint8_t unwind_size;

    /*
     * The description in .note.gnu.property: which control-flow protection the stubs comply with.
     */
    const uint8_t *property;
    uint8_t property_size;

    struct rst_stub stubs[RST_NOPS];

    /* Where each argument is at the site, as operands in a note. */
    const char *operands[RST_MAX_ARGS];
};

extern const struct rst_arch rst_arch_x86_64;

/* The CPU that this code is compiled for; NULL if librst does not support it. */
const struct rst_arch *rst_arch_native(void);

#endif
