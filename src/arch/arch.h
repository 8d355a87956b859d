/* SPDX-License-Identifier: MIT */
/*
 * What the image must know of a CPU. One file per CPU in arch/; nothing outside it knows an
 * instruction or a register's name.
 */
#ifndef RST_ARCH_H
#define RST_ARCH_H

#include <stddef.h>
#include <stdint.h>

#include "rst.h"

/* The instruction at the site, which a tracer's breakpoint replaces; named by its length. */
enum rst_nop { RST_NOP1, RST_NOP5, RST_NOP10, RST_NOPS };

/*
 * A stub: the function that a fire calls. It makes a frame, so that a tracer which unwinds by frame
 * pointer at the site finds the caller, and holds the site.
 */
struct rst_stub {
    const uint8_t *code;
    const uint8_t *unwind; /* DWARF call frame instructions for the code, for its FDE */
    uint8_t size;
    uint8_t stride; /* from one stub to the next: keeps each within what the kernel can patch */
    uint8_t site;   /* offset of the nop */
    uint8_t unwind_size;
};

struct rst_arch {
    const char *name;
    uint16_t machine; /* e_machine */
    uint32_t flags;   /* e_flags */
    uint8_t filler;   /* between stubs: traps if anything ever runs it */

    /* What the kernel or a debugger may put at a site to watch it: the first bytes. */
    const uint8_t *watchers;
    uint8_t watcher_count;

    /* The CIE: what holds on entry to a stub. */
    uint8_t code_align, return_register;
    int8_t data_align;
    const uint8_t *unwind;
    uint8_t unwind_size;

    /* .note.gnu.property's description: what the stubs promise of control-flow protection. */
    const uint8_t *property;
    uint8_t property_size;

    struct rst_stub stubs[RST_NOPS];

    /* Where each argument is at the site, as a note's operand says it. */
    const char *operands[RST_MAX_ARGS];
};

extern const struct rst_arch rst_arch_x86_64;

/* The CPU that this is compiled for; NULL if librst does not know it. */
const struct rst_arch *rst_arch_native(void);

#endif
