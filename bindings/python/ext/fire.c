/* SPDX-License-Identifier: MIT */
/*
 * Probe.fire().
 *
 * Unwatched, it reads the semaphore, compares the number of values and each value's type with what
 * was declared, and allocates nothing. A value that isn't plain, or doesn't fit, goes the long way,
 * which gives the same answer whether or not somebody watches.
 */
#include "rstpy.h"

#include <string.h>

/* ---------------------------------------------------------------------- mistakes -- */

/* The name of an argument with a blank before, or "", in a buffer. */
static const char *argument_name(const struct probe *probe, Py_ssize_t index, char *ret,
                                 size_t size)
{
    const char *part = PyUnicode_AsUTF8(probe->signature), *blank;
    size_t length;

    *ret = '\0';
    for (Py_ssize_t i = 0; part && i < index; i++)
        part = strstr(part, ", ") + 2;
    if (!part)
        return ret;
    length = strcspn(part, ",");
    blank = memchr(part, ' ', length);
    if (blank)
        PyOS_snprintf(ret, size, " (%.*s)", (int)(part + length - blank - 1), blank + 1);
    return ret;
}

__attribute__((cold, noinline)) static PyObject *
refuse_value(const struct probe *probe, Py_ssize_t index, PyObject *value, enum outcome outcome)
{
    const struct state *state = state_of((PyObject *)probe);
    PyObject *error = outcome == VALUE_OUT_OF_RANGE ? state->range_error : state->value_type_error;
    PyObject *wanted, *got;
    char name[160];

    if (outcome == VALUE_RAISED)
        return NULL;
    wanted = describe_wanted(&probe->arguments[index]);
    got = wanted ? describe_value(value) : NULL;
    if (got)
        PyErr_Format(error, "%U:%U: argument %zd%s must be %U, not %U", probe->provider->name,
                     probe->name, index + 1, argument_name(probe, index, name, sizeof(name)),
                     wanted, got);
    Py_XDECREF(wanted);
    Py_XDECREF(got);
    return NULL;
}

__attribute__((cold, noinline)) static PyObject *refuse_count(const struct probe *probe,
                                                              Py_ssize_t count)
{
    PyErr_Format(state_of((PyObject *)probe)->arity_error,
                 "%U:%U: got %zd value%s, expected %zd%s%U%s", probe->provider->name, probe->name,
                 count, count == 1 ? "" : "s", probe->count, probe->count ? " (" : "",
                 probe->signature, probe->count ? ")" : "");
    return NULL;
}

/* ---------------------------------------------------------------------- firing -- */

/* Nobody watches, and the values aren't all plain: find mistakes. */
__attribute__((noinline)) static PyObject *check_values(const struct probe *probe,
                                                        PyObject *const *values, Py_ssize_t count)
{
    uint64_t unused;

    if (count != probe->count)
        return refuse_count(probe, count);
    for (Py_ssize_t i = 0; i < count; i++) {
        enum outcome outcome = take_value(&probe->arguments[i], values[i], &unused, NULL);

        if (outcome != VALUE_FITS)
            return refuse_value(probe, i, values[i], outcome);
    }
    Py_RETURN_FALSE;
}

/* The handle is read when all values are taken: methods of theirs may have closed the provider. */
__attribute__((noinline)) static PyObject *fire_values(const struct probe *probe,
                                                       PyObject *const *values, Py_ssize_t count)
{
    struct kept kept = {.count = 0};
    enum outcome outcome = VALUE_FITS;
    uint64_t bits[RST_MAX_ARGS];
    Py_ssize_t i;
    bool fires;

    if (count != probe->count)
        return refuse_count(probe, count);
    for (i = 0; i < count && outcome == VALUE_FITS; i++)
        outcome = take_value(&probe->arguments[i], values[i], &bits[i], &kept);
    if (outcome != VALUE_FITS) {
        refuse_value(probe, i - 1, values[i - 1], outcome);
        release_kept(&kept);
        return NULL;
    }
    fires = RST_ENABLED(probe->handle);
    if (fires)
        rst_probe_fire(probe->handle, bits, (size_t)count);
    release_kept(&kept);
    return PyBool_FromLong(fires);
}

/* What a function returned: a tuple or list of values, or the one value of a probe that has one. */
static PyObject *fire_returned(const struct probe *probe, PyObject *returned)
{
    PyObject *values, *fired;

    if (probe->count == 0 && returned == Py_None)
        return fire_values(probe, NULL, 0);
    if (!PyTuple_Check(returned) && !PyList_Check(returned))
        return fire_values(probe, &returned, 1);
    values = PySequence_Tuple(returned); /* for methods of values may change a list */
    if (!values)
        return NULL;
    fired = fire_values(probe, &PyTuple_GET_ITEM(values, 0), PyTuple_GET_SIZE(values));
    Py_DECREF(values);
    return fired;
}

/* Log the exception that is set, once for each probe. What fails at that is Python's to report. */
static PyObject *report(struct probe *probe)
{
    PyObject *type, *error, *traceback, *module, *done = NULL;

    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return NULL;
    PyErr_Fetch(&type, &error, &traceback);
    if (!probe->reported) {
        probe->reported = true;
        PyErr_NormalizeException(&type, &error, &traceback);
        if (traceback)
            PyException_SetTraceback(error, traceback);
        module = PyImport_ImportModule("rst._report");
        if (module)
            done = PyObject_CallMethod(module, "report", "OO", probe, error);
        if (!done)
            PyErr_WriteUnraisable((PyObject *)probe);
        Py_XDECREF(module);
        Py_XDECREF(done);
    }
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(traceback);
    Py_RETURN_FALSE;
}

__attribute__((noinline)) static PyObject *fire_function(struct probe *probe, PyObject *function)
{
    PyObject *returned = PyObject_CallObject(function, NULL);
    PyObject *fired = returned ? fire_returned(probe, returned) : NULL;

    Py_XDECREF(returned);
    return fired ? fired : report(probe);
}

const char probe_fire_doc[] = PyDoc_STR(
    "fire($self, /, *values)\n--\n\n"
    "Fire the probe. Gives True if it was fired, False if nobody watches.\n\n"
    "    probe.fire(1, 'Ada')              # one value for each argument\n"
    "    probe.fire(lambda: (1, slow()))   # called only while somebody watches\n\n"
    "Values that don't fit are an ArityError, a ValueTypeError or a RangeError, whether or not\n"
    "somebody watches. A function gives a tuple or a list, or the value itself if there is one\n"
    "argument. If it raises an Exception or its values don't fit, that is logged, once for each\n"
    "probe, by the logger 'rst', and fire() gives False. Other exceptions, as KeyboardInterrupt "
    "or\n"
    "CancelledError, are raised.\n\n"
    "It may be called from any thread, and from signal handlers of Python's. The tracer sees the\n"
    "values before it returns.");

static inline bool is_callable(PyObject *value)
{
    return Py_TYPE(value)->tp_call != NULL;
}

#define UNLIKELY(condition) __builtin_expect((condition), 0)

/* Somebody watches, or the values aren't all plain. */
__attribute__((noinline)) static PyObject *fire_at_length(PyObject *self, PyObject *const *values,
                                                          Py_ssize_t count)
{
    struct probe *probe = (struct probe *)self;
    bool watched = *probe->semaphore != 0;

    if (count == 1 && is_callable(values[0])) {
        if (watched)
            return fire_function(probe, values[0]);
        Py_RETURN_FALSE;
    }
    return watched ? fire_values(probe, values, count) : check_values(probe, values, count);
}

/*
 * Nothing but comparisons, which are measured: docs/benchmarks.md. It needs no register of its
 * caller's, for its one call is at its end. The first two values are compared without a loop.
 */
PyObject *probe_fire(PyObject *self, PyObject *const *values, Py_ssize_t count)
{
    const struct probe *probe = (struct probe *)self;
    const struct argument *arguments = probe->arguments;

    if (UNLIKELY(*probe->semaphore != 0))
        goto at_length;
    if (UNLIKELY(count != probe->count)) {
        if (count == 1 && is_callable(values[0]))
            Py_RETURN_FALSE;
        goto at_length;
    }
    switch (count) {
    default:
        for (Py_ssize_t i = 2; i < count; i++)
            if (UNLIKELY(!is_plain(&arguments[i], values[i])))
                goto at_length;
        __attribute__((fallthrough));
    case 2:
        if (UNLIKELY(!is_plain(&arguments[1], values[1])))
            goto at_length;
        __attribute__((fallthrough));
    case 1:
        if (UNLIKELY(!is_plain(&arguments[0], values[0])))
            goto at_length;
        __attribute__((fallthrough));
    case 0:
        Py_RETURN_FALSE;
    }
at_length:
    return fire_at_length(self, values, count);
}
