/* SPDX-License-Identifier: MIT */
/*
 * The C part of the module rst, which is rst._rst: the types Provider and Probe, and the errors.
 *
 * Everything here runs with the GIL, which is never released: so nobody fires while a provider is
 * closed. Free-threaded builds of Python are told so by the module and keep a GIL. Subinterpreters
 * have types of their own each; what is shared by them is in librst, which has its own lock.
 */
#ifndef RSTPY_H
#define RSTPY_H

#include <Python.h>
#include <rst.h>

#include "values.h"

/* The module's state: what an interpreter has of its own. */
struct state {
    PyObject *provider_type;
    PyObject *probe_type;
    PyObject *error;
    PyObject *invalid_error;
    PyObject *exists_error;
    PyObject *arity_error;
    PyObject *value_type_error;
    PyObject *range_error;
    PyObject *load_error;
};

struct probe;

struct declared {
    rst_probe *handle;
    struct probe *probe; /* its object, or NULL if there is none now */
};

/*
 * A provider holds no Python object but its name. Probes hold their provider, so it outlives them;
 * it only knows which there are, to take their handles away when it is closed.
 */
struct provider {
    PyObject_HEAD rst_provider *handle; /* NULL: closed */
    PyObject *name;
    struct declared *declared; /* all its probes */
    size_t count, room;
};

struct probe {
    PyObject_HEAD const rst_probe *handle; /* NULL: its provider is closed */
    const volatile uint32_t *semaphore;    /* kept, for fire() */
    Py_ssize_t count;
    struct argument arguments[RST_MAX_ARGS];
    struct provider *provider;
    size_t index; /* where it is declared, unless its provider has fewer */
    PyObject *name;
    PyObject *signature;
    bool reported; /* a function's mistake was logged */
};

extern PyType_Spec provider_spec;
extern PyType_Spec probe_spec;

/* The state that a provider's or a probe's type belongs to. Both are final. */
static inline struct state *state_of(PyObject *self)
{
    return PyType_GetModuleState(Py_TYPE(self));
}

/* The object of a declared probe: the one that there is, or a new one; or NULL. */
PyObject *probe_at(struct provider *provider, size_t index);

/*
 * Set what a probe fires: a handle, or NULL. Again after each load, for only then the address of
 * its semaphore is the one that stays.
 */
void probe_bind(struct probe *probe, const rst_probe *handle);

/* Declare a probe: a new object; or NULL and an exception. */
PyObject *probe_declare(struct provider *provider, const char *name, const char *signature);

extern const char probe_fire_doc[];
PyObject *probe_fire(PyObject *self, PyObject *const *values, Py_ssize_t count);

/* Make the classes of errors. Gives 0, or -1 and an exception, as the next does. */
int add_errors(PyObject *module, struct state *state);

/* Put a new object, if there is one, into the state and the module. */
int add_to_module(PyObject *module, PyObject **ret, PyObject *object, const char *name);

/* Raise what rst_error() says, as the class that an errno of rst.h stands for. Gives NULL. */
PyObject *raise_librst(const struct state *state, int error);

/* A str as UTF-8, or NULL and an InvalidError: names have no NUL and no half of a surrogate. */
const char *name_utf8(const struct state *state, PyObject *text, const char *what);

#endif
