/* SPDX-License-Identifier: MIT */
/* The classes of errors, and how librst's failures become them. */
#include "rstpy.h"

#include <errno.h>
#include <string.h>

PyDoc_STRVAR(error_doc, "What rst raises is one of these. `kind` says in a word what is wrong.");
PyDoc_STRVAR(invalid_doc, "A name, a signature or a setting that can't be, or a closed provider.");
PyDoc_STRVAR(exists_doc, "The process has a probe of that name already.");
PyDoc_STRVAR(arity_doc, "Too many or too few values for a probe.");
PyDoc_STRVAR(value_type_doc, "A value of another type than the probe was declared with.");
PyDoc_STRVAR(range_doc, "A number that the argument's type can't hold.");
PyDoc_STRVAR(load_doc, "A provider can't be loaded or unloaded. `errno` and the message say why.");

/* A class of errors, and which of Python's own it is, too. */
struct error_class {
    size_t place; /* in the state */
    const char *name;
    const char *kind;
    const char *doc;
    PyObject **also;
};

static PyObject *make_error(const struct state *state, const struct error_class *class)
{
    PyObject *members = Py_BuildValue("{ss}", "kind", class->kind);
    PyObject *bases, *made = NULL;

    if (!members)
        return NULL;
    bases =
        state->error ? PyTuple_Pack(2, state->error, *class->also) : PyTuple_Pack(1, *class->also);
    if (bases)
        made = PyErr_NewExceptionWithDoc(class->name, class->doc, bases, members);
    Py_XDECREF(bases);
    Py_DECREF(members);
    return made;
}

#define PLACE(member) offsetof(struct state, member)

int add_errors(PyObject *module, struct state *state)
{
    const struct error_class classes[] = {
        {PLACE(error), "rst.Error", "error", error_doc, &PyExc_Exception},
        {PLACE(invalid_error), "rst.InvalidError", "invalid", invalid_doc, &PyExc_ValueError},
        {PLACE(exists_error), "rst.ExistsError", "exists", exists_doc, &PyExc_ValueError},
        {PLACE(arity_error), "rst.ArityError", "arity", arity_doc, &PyExc_TypeError},
        {PLACE(value_type_error), "rst.ValueTypeError", "type", value_type_doc, &PyExc_TypeError},
        {PLACE(range_error), "rst.RangeError", "range", range_doc, &PyExc_OverflowError},
        {PLACE(load_error), "rst.LoadError", "load", load_doc, &PyExc_OSError},
    };

    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        PyObject **place = (PyObject **)(void *)((char *)state + classes[i].place);
        PyObject *made = make_error(state, &classes[i]);

        if (add_to_module(module, place, made, classes[i].name + sizeof("rst.") - 1))
            return -1;
    }
    return 0;
}

/* Those that stand for nothing else are what is wrong with a declaration. */
PyObject *raise_librst(const struct state *state, int error)
{
    PyObject *exception;

    switch (error) {
    case ENOMEM:
        return PyErr_NoMemory();
    case EEXIST:
        PyErr_SetString(state->exists_error, rst_error());
        return NULL;
    case EINVAL:
    case ENAMETOOLONG:
    case E2BIG:
        PyErr_SetString(state->invalid_error, rst_error());
        return NULL;
    default:
        exception = PyObject_CallFunction(state->load_error, "is", error, rst_error());
        if (exception)
            PyErr_SetObject(state->load_error, exception);
        Py_XDECREF(exception);
        return NULL;
    }
}

const char *name_utf8(const struct state *state, PyObject *text, const char *what)
{
    Py_ssize_t length;
    const char *utf8;

    if (!PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError, "the %s must be a str, not %.100s", what,
                     Py_TYPE(text)->tp_name);
        return NULL;
    }
    utf8 = PyUnicode_AsUTF8AndSize(text, &length);
    if (utf8 && strlen(utf8) == (size_t)length)
        return utf8;
    if (!utf8 && !PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
        return NULL;
    PyErr_Clear();
    PyErr_Format(state->invalid_error, "the %s %A has characters that none can have", what, text);
    return NULL;
}
