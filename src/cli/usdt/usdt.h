/* SPDX-License-Identifier: MIT */
/*
 * What an ELF file says of its probes: the notes of .note.stapsdt, whoever wrote them, and with
 * them librst's own of .note.librst, which have the arguments' names and true types.
 * (src/image/note.h has both formats.)
 *
 * The file may be anything: truncated, hostile, of another CPU, of either class and byte order. All
 * that is taken from it is checked against its size first, the notes are read once into memory, and
 * the work is linear in the file's size, but for sorting.
 */
#ifndef CLI_USDT_H
#define CLI_USDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/usdt/operand.h"
#include "image/signature.h"

/* One site: a probe that a compiler has inlined has several, by the same name. */
struct usdt_probe {
    const char *provider, *name;
    const char *operands;  /* as the note has them: see operand.h */
    const char *signature; /* what librst wrote: "uint64 id, string path"; NULL: nothing */
    uint64_t site;         /* file offset, for a uprobe */
    uint64_t semaphore;    /* file offset (ref_ctr_offset); 0: it has none */
};

enum usdt_kind {
    USDT_LIBRARY,
    USDT_EXECUTABLE,
    USDT_IMAGE /* made by librst */
};

struct usdt_file {
    uint16_t machine; /* e_machine */
    enum usdt_kind kind;
    struct usdt_probe *probes; /* in the order of their notes */
    size_t count;
    size_t damaged; /* notes that make no sense, and are left out */
    char **storage; /* what the strings are in */
    size_t storage_count, storage_size;
};

/*
 * Read an open file. `name` is for messages. A file without probes is no failure.
 * Gives 0 or a negative errno: -ENOEXEC where it is no ELF file that could have probes, -EBADMSG
 * where it is a broken one; `ret` is untouched then.
 */
int usdt_read(int fd, const char *name, struct usdt_file *ret);
void usdt_free(struct usdt_file *file);

/* An argument, in the order that tracers count them. */
struct usdt_argument {
    struct operand operand;
    const char *type; /* a librst type's name; "?" if there is none of that size */
    int true_type;    /* enum rst_type where librst wrote it, else -1: told by size and sign */
    const char *name; /* not NUL-terminated; NULL: it has none */
    size_t name_length;
};

#define USDT_MOST_ARGUMENTS 32 /* sys/sdt.h and librst have 12 */

struct usdt_arguments {
    struct usdt_argument list[USDT_MOST_ARGUMENTS];
    size_t count;
    bool more; /* the note has still more of them */
    char *storage;
};

/*
 * Take a probe's operands apart and put librst's names and types to them. These are ignored if they
 * don't agree with the operands in number, size and sign.
 */
void usdt_arguments(uint16_t machine, const struct usdt_probe *probe, struct usdt_arguments *ret);
void usdt_arguments_free(struct usdt_arguments *arguments);

#endif
