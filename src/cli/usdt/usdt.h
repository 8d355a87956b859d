/* SPDX-License-Identifier: MIT */
/*
 * The probes of an ELF file: the notes of .note.stapsdt, whichever program wrote them, and librst's
 * own notes of .note.librst, which have the arguments' names and true types. (src/image/note.h
 * describes both formats.)
 *
 * The file may be anything: truncated, hostile, for another CPU, 32-bit or 64-bit, in either byte
 * order. Everything read from it is first checked against its size, the notes are read once into
 * memory, and the work is linear in the file's size.
 */
#ifndef CLI_USDT_H
#define CLI_USDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"
#include "cli/usdt/operand.h"
#include "image/signature.h"

/* One site. A probe that a compiler has inlined has several, with the same name. */
struct usdt_probe {
    const char *provider, *name;
    const char *operands;  /* as in the note; see operand.h */
    const char *signature; /* in librst's note, in the short form; NULL: it has none */
    uint64_t site;         /* offset in the file, for a uprobe */
    uint64_t semaphore;    /* offset in the file (ref_ctr_offset); 0: the probe has none */
};

/* Whether both are sites of one probe. */
bool usdt_same_name(const struct usdt_probe *a, const struct usdt_probe *b);

enum usdt_kind {
    USDT_LIBRARY,
    USDT_EXECUTABLE,
    USDT_IMAGE /* librst made it */
};

struct Elf;

struct usdt_file {
    uint16_t machine;            /* e_machine */
    const struct rst_arch *arch; /* NULL: a CPU that librst does not know */
    enum usdt_kind kind;
    struct usdt_probe *probes; /* in the order of their notes */
    size_t count;
    size_t damaged;  /* how many invalid notes were skipped */
    struct Elf *elf; /* holds the strings */
    uint64_t kept;   /* how many bytes of memory they take */
};

/*
 * Read an open file. `name` is for messages. A file without probes is not an error. Gives 0 or a
 * negative errno, with `ret` untouched: -ENOEXEC if the file is not an ELF file that can have
 * probes, -EBADMSG if it is a damaged one.
 */
int usdt_read(int fd, const char *name, struct usdt_file *ret);
void usdt_free(struct usdt_file *file);

/* An argument. Tracers count them in the same order. */
struct usdt_argument {
    struct operand operand;
    const char *type; /* the name of one of librst's types; "?" if none has that size */
    int true_type;    /* enum rst_type if librst wrote it; -1: `type` is only from size and sign */
    const char *name; /* not NUL-terminated; NULL: the argument has no name */
    size_t name_length;
};

#define USDT_MOST_ARGUMENTS 32 /* sys/sdt.h and librst have 12 */

struct usdt_arguments {
    struct usdt_argument list[USDT_MOST_ARGUMENTS];
    size_t count;
    bool more; /* the note has more than these */
};

/*
 * Split a probe's operands, and add names and types from librst's signature, if it agrees with the
 * operands in number, size and sign.
 */
void usdt_arguments(uint16_t machine, const struct usdt_probe *probe, struct usdt_arguments *ret);

#endif
