/* SPDX-License-Identifier: MIT */
/*
 * Python's objects to the arguments of a probe.
 *
 * As struct.pack() does, an integer type takes what has __index__(), and a floating point type what
 * has __float__(). These are methods of the value's own, so they may do anything, even close the
 * provider; a fire looks at its probe again after them.
 */
#include "values.h"

#include <string.h>

static const struct kind kinds[] = {
    {"bool", SHAPE_TRUTH, false, 8, "True or False"},
    {"int8", SHAPE_INTEGER, true, 8, "an int"},
    {"int16", SHAPE_INTEGER, true, 16, "an int"},
    {"int32", SHAPE_INTEGER, true, 32, "an int"},
    {"int64", SHAPE_INTEGER, true, 64, "an int"},
    {"uint8", SHAPE_INTEGER, false, 8, "an int"},
    {"uint16", SHAPE_INTEGER, false, 16, "an int"},
    {"uint32", SHAPE_INTEGER, false, 32, "an int"},
    {"uint64", SHAPE_INTEGER, false, 64, "an int"},
    {"float", SHAPE_REAL, true, 32, "a float or an int"},
    {"double", SHAPE_REAL, true, 64, "a float or an int"},
    {"pointer", SHAPE_ADDRESS, false, 64, "None or an int"},
    {"string", SHAPE_TEXT, false, 64, "a str, bytes or None"},
};

static const struct {
    PyTypeObject *type;
    const char *name;
} python_types[] = {
    {&PyLong_Type, "int64"},   {&PyFloat_Type, "double"}, {&PyUnicode_Type, "string"},
    {&PyBytes_Type, "string"}, {&PyBool_Type, "bool"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct kind *find_kind(const char *name, size_t length)
{
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (strlen(kinds[i].name) == length && memcmp(kinds[i].name, name, length) == 0)
            return &kinds[i];
    return NULL;
}

const char *name_of_python_type(PyObject *type)
{
    for (size_t i = 0; i < COUNT(python_types); i++)
        if (type == (PyObject *)python_types[i].type)
            return python_types[i].name;
    return NULL;
}

static uint64_t greatest(const struct kind *kind)
{
    return UINT64_MAX >> (64 - kind->bits + kind->is_signed);
}

void set_argument(struct argument *argument, const struct kind *kind)
{
    static PyTypeObject *const exact[] = {
        [SHAPE_INTEGER] = &PyLong_Type, [SHAPE_REAL] = &PyFloat_Type,
        [SHAPE_TRUTH] = &PyBool_Type,   [SHAPE_ADDRESS] = &PyLong_Type,
        [SHAPE_TEXT] = &PyUnicode_Type,
    };

    argument->kind = kind;
    argument->exact = exact[kind->shape];
    argument->is_int = argument->exact == &PyLong_Type;
    argument->is_signed = kind->is_signed;
    argument->span = SIZE_MAX;
    if (argument->is_int) {
        argument->first = (size_t)(kind->is_signed ? -1 : 0);
        argument->span = kind->is_signed ? 2 : 1;
        if (kind->bits < 32)
            argument->exact = NULL;
    }
}

/* ---------------------------------------------------------------------- the values -- */

static enum outcome take_int(const struct kind *kind, PyObject *number, uint64_t *ret_bits)
{
    uint64_t bits;
    int overflow = 0;

    if (kind->is_signed) {
        long long value = PyLong_AsLongLongAndOverflow(number, &overflow);
        long long most = (long long)greatest(kind);

        if (overflow || value > most || value < -most - 1)
            return VALUE_OUT_OF_RANGE;
        bits = (uint64_t)value;
    } else {
        bits = PyLong_AsUnsignedLongLong(number);
        if (bits == UINT64_MAX && PyErr_Occurred()) {
            PyErr_Clear();
            return VALUE_OUT_OF_RANGE;
        }
        if (bits > greatest(kind))
            return VALUE_OUT_OF_RANGE;
    }
    *ret_bits = bits;
    return VALUE_FITS;
}

static enum outcome take_integer(const struct kind *kind, PyObject *value, uint64_t *ret_bits)
{
    PyObject *number;
    enum outcome outcome;

    if (PyLong_Check(value))
        return take_int(kind, value, ret_bits);
    if (!PyIndex_Check(value))
        return VALUE_OF_WRONG_TYPE;
    number = PyNumber_Index(value);
    if (!number)
        return VALUE_RAISED;
    outcome = take_int(kind, number, ret_bits);
    Py_DECREF(number);
    return outcome;
}

static bool is_real(PyObject *value)
{
    const PyNumberMethods *methods = Py_TYPE(value)->tp_as_number;

    return methods && (methods->nb_float || methods->nb_index) && !PyComplex_Check(value);
}

static enum outcome take_real(const struct kind *kind, PyObject *value, uint64_t *ret_bits)
{
    double real;

    if (!is_real(value))
        return VALUE_OF_WRONG_TYPE;
    real = PyFloat_AsDouble(value);
    if (real == -1.0 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError))
            return VALUE_RAISED;
        PyErr_Clear();
        return VALUE_OUT_OF_RANGE;
    }
    if (kind->bits == 32) {
        float narrow = (float)real;
        uint32_t bits;

        memcpy(&bits, &narrow, sizeof(bits));
        *ret_bits = bits;
    } else {
        memcpy(ret_bits, &real, sizeof(real));
    }
    return VALUE_FITS;
}

/*
 * As UTF-8. What came from a file's name or the environment and isn't UTF-8 is turned back into the
 * bytes that it was; other halves of surrogates are written as "\ud800".
 */
static PyObject *encode(PyObject *text)
{
    PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "surrogateescape");

    if (bytes || !PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
        return bytes;
    PyErr_Clear();
    return PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
}

static uint64_t address(const void *memory)
{
    return (uint64_t)(uintptr_t)memory;
}

static enum outcome take_text(PyObject *value, uint64_t *ret_bits, struct kept *kept)
{
    PyObject *bytes;

    if (value == Py_None) {
        *ret_bits = address("");
    } else if (PyBytes_Check(value)) {
        *ret_bits = address(PyBytes_AS_STRING(value));
    } else if (!PyUnicode_Check(value)) {
        return VALUE_OF_WRONG_TYPE;
    } else if (PyUnicode_IS_COMPACT_ASCII(value)) {
        *ret_bits = address(PyUnicode_DATA(value));
    } else if (kept) {
        bytes = encode(value);
        if (!bytes)
            return VALUE_RAISED;
        kept->objects[kept->count++] = bytes;
        *ret_bits = address(PyBytes_AS_STRING(bytes));
    }
    return VALUE_FITS;
}

static enum outcome take_truth(PyObject *value, uint64_t *ret_bits)
{
    *ret_bits = value == Py_True;
    return PyBool_Check(value) ? VALUE_FITS : VALUE_OF_WRONG_TYPE;
}

enum outcome take_value(const struct argument *argument, PyObject *value, uint64_t *ret_bits,
                        struct kept *kept)
{
    switch (argument->kind->shape) {
    case SHAPE_REAL:
        return take_real(argument->kind, value, ret_bits);
    case SHAPE_TRUTH:
        return take_truth(value, ret_bits);
    case SHAPE_TEXT:
        return take_text(value, ret_bits, kept);
    case SHAPE_ADDRESS:
        *ret_bits = 0;
        return value == Py_None ? VALUE_FITS : take_integer(argument->kind, value, ret_bits);
    default:
        return take_integer(argument->kind, value, ret_bits);
    }
}

void release_kept(struct kept *kept)
{
    while (kept->count > 0)
        Py_DECREF(kept->objects[--kept->count]);
}

/* ---------------------------------------------------------------------- messages -- */

PyObject *describe_wanted(const struct argument *argument)
{
    const struct kind *kind = argument->kind;
    unsigned long long most = greatest(kind);

    if (kind->shape != SHAPE_INTEGER && kind->shape != SHAPE_ADDRESS)
        return PyUnicode_FromString(kind->wanted);
    return PyUnicode_FromFormat("%s from %lld to %llu", kind->wanted,
                                kind->is_signed ? -(long long)most - 1 : 0LL, most);
}

enum { SHOWN = 60 }; /* characters of a value, as in "%.60U" */

/* Only what is short, and has no code of its own; and not an int with too many digits. */
PyObject *describe_value(PyObject *value)
{
    const char *type = Py_TYPE(value)->tp_name;
    PyObject *shown = NULL, *description;

    if (value == Py_None || PyBool_Check(value))
        return PyObject_Repr(value);
    if (PyLong_CheckExact(value) || PyFloat_CheckExact(value)) {
        shown = PyObject_Repr(value);
    } else if (PyUnicode_CheckExact(value)) {
        PyObject *beginning = PyUnicode_Substring(value, 0, SHOWN);

        shown = beginning ? PyObject_Repr(beginning) : NULL;
        Py_XDECREF(beginning);
    }
    if (!shown) {
        PyErr_Clear();
        return PyUnicode_FromFormat("an object of type %.100s", type);
    }
    description = PyUnicode_FromFormat("%.60U%s (%s)", shown,
                                       PyUnicode_GET_LENGTH(shown) > SHOWN ? "..." : "", type);
    Py_DECREF(shown);
    return description;
}
