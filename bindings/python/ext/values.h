/* SPDX-License-Identifier: MIT */
/* What a probe's arguments take of Python's objects. */
#ifndef VALUES_H
#define VALUES_H

#include <Python.h>
#include <rst.h>

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#if PY_VERSION_HEX < 0x030b0000
#include <longintrepr.h>
#endif

enum shape { SHAPE_INTEGER, SHAPE_REAL, SHAPE_TRUTH, SHAPE_ADDRESS, SHAPE_TEXT };

/* A type of librst's. */
struct kind {
    const char *name;
    enum shape shape;
    bool is_signed;
    unsigned char bits;
    const char *wanted; /* what to pass, for messages; of integers, their range follows */
};

/*
 * An argument of a probe. The first ones are all that a plain value is compared with: an object of
 * exactly this type and, if that is int, an int of one digit (30 bits). Every type of 32 bits or
 * more holds all of those, or all that are not negative. A narrower one has no plain values.
 */
struct argument {
    PyTypeObject *exact;
    size_t first; /* a number of digits, which is negative for a negative number; see is_plain() */
    size_t span;
    bool is_int;
    bool is_signed;
    const struct kind *kind;
};

enum outcome {
    VALUE_FITS,
    VALUE_OF_WRONG_TYPE,
    VALUE_OUT_OF_RANGE,
    VALUE_RAISED, /* a method of the value's own has raised an exception, which is set */
};

/* What values of a fire need until it is over: converted strings. */
struct kept {
    int count;
    PyObject *objects[RST_MAX_ARGS];
};

/* The type of that name, which is of so many bytes; or NULL. */
const struct kind *find_kind(const char *name, size_t length);

/* The name of librst's type for one of Python's (int, str ...); or NULL. */
const char *name_of_python_type(PyObject *type);

void set_argument(struct argument *argument, const struct kind *kind);

/*
 * Turn a value into an argument of rst_probe_fire(). What must live until then is kept. Where
 * `kept` is NULL, nobody watches, and the value is only checked.
 */
enum outcome take_value(const struct argument *argument, PyObject *value, uint64_t *ret_bits,
                        struct kept *kept);

void release_kept(struct kept *kept);

/* What the argument takes, as in "an int from 0 to 255": a new str, or NULL. */
PyObject *describe_wanted(const struct argument *argument);

/* A value for a message, not at full length: a new str, or NULL. */
PyObject *describe_value(PyObject *value);

/*
 * Whether a value is of the plain kind that nearly all are. It runs nothing and allocates nothing.
 *
 * Before Python 3.12, an int's number of digits is in the word after its head. There, all types are
 * compared with limits, so that ints take no branch of their own; what is no int fits any.
 */
#if PY_VERSION_HEX >= 0x030c0000
static inline bool is_plain(const struct argument *argument, PyObject *value)
{
    PyLongObject *number = (PyLongObject *)value;

    if (!Py_IS_TYPE(value, argument->exact))
        return false;
    return !argument->is_int ||
           (PyUnstable_Long_IsCompact(number) &&
            (argument->is_signed || PyUnstable_Long_CompactValue(number) >= 0));
}
#else
static inline bool is_plain(const struct argument *argument, PyObject *value)
{
    size_t size;

    if (!Py_IS_TYPE(value, argument->exact))
        return false;
    memcpy(&size, (const char *)value + offsetof(PyVarObject, ob_size), sizeof(size));
    return size - argument->first <= argument->span;
}
#endif

#endif
