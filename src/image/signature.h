/* SPDX-License-Identifier: MIT */
/*
 * Names and signatures: what a probe is called and which arguments it takes.
 *
 *     signature = [ argument { "," argument } ]
 *     argument  = type [ name ]
 *     name      = [A-Za-z_][A-Za-z0-9_]*
 *
 * Any number of blanks may stand between these. The plain form has one blank between type and name,
 * ", " between arguments, and no other blanks. The short form, which images have, is the plain form
 * with a letter for the type: "Qid,spath" is "uint64 id, string path".
 */
#ifndef RST_SIGNATURE_H
#define RST_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "rst.h"

enum rst_type {
    RST_TYPE_BOOL,
    RST_TYPE_INT8,
    RST_TYPE_INT16,
    RST_TYPE_INT32,
    RST_TYPE_INT64,
    RST_TYPE_UINT8,
    RST_TYPE_UINT16,
    RST_TYPE_UINT32,
    RST_TYPE_UINT64,
    RST_TYPE_FLOAT,
    RST_TYPE_DOUBLE,
    RST_TYPE_POINTER,
    RST_TYPE_STRING,
    RST_TYPES
};

/* How signatures and notes write each type. */
struct rst_type_words {
    const char *name;   /* in a signature */
    size_t length;      /* of the name */
    const char *prefix; /* how a note's operand begins: "-" if signed, size in bytes, "@" */
    char letter;        /* in the short form; as in Python's module "struct" */
};

extern const struct rst_type_words rst_types[RST_TYPES];

struct rst_signature {
    const char *text;            /* the plain form */
    uint8_t types[RST_MAX_ARGS]; /* enum rst_type */
    uint16_t strings;            /* bit i is set: argument i is a string */
    uint8_t count;
};

/* A probe, as an image describes it. */
struct rst_description {
    const char *name;
    struct rst_signature signature;
};

/*
 * Check that `name` is a name of at most `most` bytes. `what` says whose name it is, for the
 * message: "the probe's name". Gives 0 or a negative errno.
 */
int rst_name_check(const char *what, const char *name, size_t most);

/* The size of the longest plain form that `text` can have, with its NUL. */
size_t rst_signature_room(const char *text);

/*
 * Parse `text` (NULL: no arguments) and write its plain form to `plain`, which has
 * rst_signature_room() bytes and must live as long as `ret`. Gives 0 or a negative errno.
 */
int rst_signature_parse(const char *text, char *plain, struct rst_signature *ret);

/* The size of the short form, with its NUL, and the short form itself, which ends before `to`. */
size_t rst_signature_short_size(const struct rst_signature *signature);
char *rst_signature_shorten(const struct rst_signature *signature, char *to);

/*
 * The next argument of a short form, which may be anything. Gives 1, and moves `at` past it; 0 at
 * the end; -1 if there is none. A name of no bytes is none.
 */
struct rst_short_argument {
    enum rst_type type;
    const char *name; /* not NUL-terminated */
    size_t name_length;
};

int rst_signature_next(const char **at, struct rst_short_argument *ret);

#endif
