/* SPDX-License-Identifier: MIT */
/* rst.Provider. */
#include "rstpy.h"

#include <string.h>

/* ---------------------------------------------------------------------- its life -- */

static const struct {
    const char *name;
    int kind;
} backings[] = {
    {"auto", RST_BACKING_AUTO}, {"memfd", RST_BACKING_MEMFD}, {"file", RST_BACKING_FILE}};

static int set_backing(struct provider *provider, const struct state *state, PyObject *backing,
                       PyObject *directory)
{
    PyObject *path = NULL;
    int kind = RST_BACKING_AUTO, failed = 0;

    if (backing) {
        const char *name = name_utf8(state, backing, "backing");
        size_t i = 0;

        if (!name)
            return -1;
        while (i < 3 && strcmp(backings[i].name, name) != 0)
            i++;
        if (i == 3) {
            PyErr_Format(state->invalid_error, "the backing %R must be 'auto', 'memfd' or 'file'",
                         backing);
            return -1;
        }
        kind = backings[i].kind;
    }
    if (directory && directory != Py_None && !PyUnicode_FSConverter(directory, &path))
        return -1;
    failed =
        rst_provider_set_backing(provider->handle, kind, path ? PyBytes_AS_STRING(path) : NULL);
    Py_XDECREF(path);
    if (failed)
        raise_librst(state, -failed);
    return failed;
}

static PyObject *provider_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"name", "backing", "directory", NULL};
    const struct state *state = PyType_GetModuleState(type);
    PyObject *text, *backing = NULL, *directory = NULL;
    struct provider *provider;
    const char *name;

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|$OO:Provider", names, &text, &backing,
                                     &directory))
        return NULL;
    name = name_utf8(state, text, "provider name");
    if (!name)
        return NULL;
    provider = (struct provider *)type->tp_alloc(type, 0);
    if (!provider)
        return NULL;
    provider->handle = rst_provider_new(name);
    if (!provider->handle) {
        raise_librst(state, errno);
    } else if (!(backing || directory) || set_backing(provider, state, backing, directory) == 0) {
        provider->name = PyUnicode_FromString(name);
        if (provider->name)
            return (PyObject *)provider;
    }
    Py_DECREF(provider);
    return NULL;
}

/* Every probe is one that nobody watches before its handle goes. */
static void close_provider(struct provider *provider)
{
    rst_provider *handle = provider->handle;

    for (size_t i = 0; i < provider->count; i++)
        if (provider->declared[i].probe)
            probe_bind(provider->declared[i].probe, NULL);
    provider->handle = NULL;
    provider->count = provider->room = 0;
    PyMem_Free(provider->declared);
    provider->declared = NULL;
    rst_provider_free(handle);
}

static int provider_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

/* Its probes hold it, so there is none left. */
static void provider_dealloc(PyObject *self)
{
    struct provider *provider = (struct provider *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    close_provider(provider);
    Py_XDECREF(provider->name);
    type->tp_free(self);
    Py_DECREF(type);
}

PyDoc_STRVAR(
    close_doc,
    "close($self, /)\n--\n\n"
    "Free the provider, and its probes' names for others.\n\n"
    "Its probes can be fired on, which does nothing. Tracers that are attached see no more\n"
    "hits. Closing again does nothing. A provider closes itself when neither it nor any of\n"
    "its probes is referred to.");

static PyObject *provider_close(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    close_provider((struct provider *)self);
    Py_RETURN_NONE;
}

/* ---------------------------------------------------------------------- its probes -- */

static struct provider *opened(PyObject *self)
{
    struct provider *provider = (struct provider *)self;

    if (provider->handle)
        return provider;
    PyErr_Format(state_of(self)->invalid_error, "the provider %U is closed", provider->name);
    return NULL;
}

/* What "name=type" says in a signature: a new str, or NULL. */
static PyObject *write_argument(const struct state *state, PyObject *name, PyObject *type)
{
    const char *librsts = name_of_python_type(type);

    if (librsts)
        return PyUnicode_FromFormat("%s %U", librsts, name);
    if (PyUnicode_Check(type))
        return PyUnicode_FromFormat("%U %U", type, name);
    PyErr_Format(state->invalid_error,
                 "%U=%R: the type must be int, float, str, bytes, bool, or the name of one of "
                 "librst's, as 'uint8'",
                 name, type);
    return NULL;
}

static PyObject *write_signature(const struct state *state, PyObject *keywords)
{
    PyObject *signature = NULL, *name, *type, *comma, *parts = PyList_New(0);
    Py_ssize_t place = 0;

    if (!parts)
        return NULL;
    while (PyDict_Next(keywords, &place, &name, &type)) {
        PyObject *part = write_argument(state, name, type);
        int failed = part ? PyList_Append(parts, part) : -1;

        Py_XDECREF(part);
        if (failed) {
            Py_DECREF(parts);
            return NULL;
        }
    }
    comma = PyUnicode_FromString(", ");
    if (comma)
        signature = PyUnicode_Join(comma, parts);
    Py_XDECREF(comma);
    Py_DECREF(parts);
    return signature;
}

PyDoc_STRVAR(
    probe_doc,
    "probe($self, name, signature='', /, **arguments)\n--\n\n"
    "Declare a probe, which tracers can find after the next load().\n\n"
    "    provider.probe('checkout', 'uint64 order, string customer')\n"
    "    provider.probe('checkout', order=int, customer=str)\n\n"
    "A signature is a list of up to 12 arguments, each a type and an optional name: bool, int8 to\n"
    "int64, uint8 to uint64, float, double, pointer, string. As keyword arguments, they are given\n"
    "int (an int64), float (a double), str or bytes (a string), bool, or such a name, as "
    "'uint8'.\n\n"
    "A name or a signature that can't be is an InvalidError. If the process has the probe "
    "already,\n"
    "perhaps of another provider of this name, that is an ExistsError.");

static PyObject *provider_probe(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    const struct state *state = state_of(self);
    PyObject *name, *signature = NULL, *written = NULL, *probe = NULL;
    struct provider *provider = opened(self);
    const char *name_text, *signature_text;

    if (!provider || !PyArg_ParseTuple(arguments, "O|O:probe", &name, &signature))
        return NULL;
    if (keywords && PyDict_GET_SIZE(keywords) > 0) {
        if (signature) {
            PyErr_SetString(PyExc_TypeError,
                            "give the arguments by a signature or by keywords, not by both");
            return NULL;
        }
        signature = written = write_signature(state, keywords);
        if (!signature)
            return NULL;
    }
    name_text = name_utf8(state, name, "probe name");
    signature_text = signature ? name_utf8(state, signature, "signature") : "";
    if (name_text && signature_text)
        probe = probe_declare(provider, name_text, signature_text);
    Py_XDECREF(written);
    return probe;
}

static PyObject *provider_get_probes(PyObject *self, void *nothing)
{
    struct provider *provider = (struct provider *)self;
    size_t count = provider->count;
    PyObject *probes = PyTuple_New((Py_ssize_t)count);

    (void)nothing;
    /* An allocation may collect garbage, and whose code runs then may close the provider. */
    for (size_t i = 0; probes && i < count; i++) {
        PyObject *probe = i < provider->count ? probe_at(provider, i) : NULL;

        if (!probe) {
            Py_CLEAR(probes);
            if (!PyErr_Occurred())
                return PyTuple_New(0);
            break;
        }
        PyTuple_SET_ITEM(probes, (Py_ssize_t)i, probe);
    }
    return probes;
}

/* ---------------------------------------------------------------------- loading -- */

PyDoc_STRVAR(
    load_doc,
    "load($self, /)\n--\n\n"
    "Show the provider's probes to tracers. Gives whether they can be seen now.\n\n"
    "It is called again for probes that were declared since; declare many, then load once,\n"
    "for each load with new ones takes a file descriptor. It gives False, and all goes on,\n"
    "where RST_DISABLE is set in the environment, and on systems that librst does not know.\n"
    "If it fails, that is a LoadError, or an InvalidError for a wrong RST_BACKING, and the\n"
    "probes are disabled and safe to fire.");

static PyObject *provider_load(PyObject *self, PyObject *nothing)
{
    struct provider *provider = opened(self);
    int failed;

    (void)nothing;
    if (!provider)
        return NULL;
    failed = rst_provider_load(provider->handle);
    for (size_t i = 0; i < provider->count; i++)
        if (provider->declared[i].probe)
            probe_bind(provider->declared[i].probe, provider->declared[i].handle);
    if (failed == -EINVAL) { /* of a variable of the environment, for nothing else is given */
        PyErr_SetString(state_of(self)->invalid_error, rst_error());
        return NULL;
    }
    if (failed && failed != -ENOTSUP)
        return raise_librst(state_of(self), -failed);
    return PyBool_FromLong(rst_provider_loaded(provider->handle));
}

PyDoc_STRVAR(
    unload_doc,
    "unload($self, /)\n--\n\n"
    "Hide the provider's probes from tracers, until the next load(). Safe while other\n"
    "threads fire. Of a provider that is closed or not loaded, it does nothing. A LoadError\n"
    "says that tracers may still find the probes; they are disabled even then.");

static PyObject *provider_unload(PyObject *self, PyObject *nothing)
{
    struct provider *provider = (struct provider *)self;
    int failed = provider->handle ? rst_provider_unload(provider->handle) : 0;

    (void)nothing;
    if (failed)
        return raise_librst(state_of(self), -failed);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(enter_doc, "__enter__($self, /)\n--\n\nLoad the provider. Gives the provider.");

static PyObject *provider_enter(PyObject *self, PyObject *nothing)
{
    PyObject *loaded = provider_load(self, nothing);

    if (!loaded)
        return NULL;
    Py_DECREF(loaded);
    Py_INCREF(self);
    return self;
}

PyDoc_STRVAR(exit_doc, "__exit__($self, /, *exception)\n--\n\nUnload the provider.");

static PyObject *provider_exit(PyObject *self, PyObject *exception)
{
    return provider_unload(self, exception);
}

/* ---------------------------------------------------------------------- the type -- */

static PyObject *provider_get_name(PyObject *self, void *nothing)
{
    PyObject *name = ((struct provider *)self)->name;

    (void)nothing;
    Py_INCREF(name);
    return name;
}

static PyObject *provider_get_loaded(PyObject *self, void *nothing)
{
    (void)nothing;
    return PyBool_FromLong(rst_provider_loaded(((struct provider *)self)->handle));
}

static PyObject *provider_get_closed(PyObject *self, void *nothing)
{
    (void)nothing;
    return PyBool_FromLong(!((struct provider *)self)->handle);
}

static PyObject *provider_repr(PyObject *self)
{
    struct provider *provider = (struct provider *)self;
    const char *what = !provider->handle                       ? "closed"
                       : rst_provider_loaded(provider->handle) ? "loaded"
                                                               : "not loaded";

    return PyUnicode_FromFormat("<rst.Provider %U, %s>", provider->name, what);
}

#define FUNCTION(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef provider_methods[] = {
    {"probe", FUNCTION(provider_probe), METH_VARARGS | METH_KEYWORDS, probe_doc},
    {"load", provider_load, METH_NOARGS, load_doc},
    {"unload", provider_unload, METH_NOARGS, unload_doc},
    {"close", provider_close, METH_NOARGS, close_doc},
    {"__enter__", provider_enter, METH_NOARGS, enter_doc},
    {"__exit__", provider_exit, METH_VARARGS, exit_doc},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef provider_attributes[] = {
    {"name", provider_get_name, NULL, "The provider's name.", NULL},
    {"loaded", provider_get_loaded, NULL, "Whether tracers can see the provider.", NULL},
    {"closed", provider_get_closed, NULL, "Whether the provider was closed.", NULL},
    {"probes", provider_get_probes, NULL,
     "A tuple of the provider's probes, in the order of their declaration.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

PyDoc_STRVAR(
    provider_type_doc,
    "Provider(name, *, backing='auto', directory=None)\n--\n\n"
    "A named group of probes that are loaded and unloaded together.\n\n"
    "    with rst.Provider('shop') as shop: ...   # loads it; unloads it at the end\n\n"
    "The name is letters, digits and _, of at most 58 bytes; several providers may have the same.\n"
    "The backing is where tracers find the probes: 'memfd' (in memory; the default where there is\n"
    "any), or 'file', which every tracer finds, in the directory librst-UID of `directory`, or of\n"
    "$XDG_RUNTIME_DIR, $TMPDIR or /tmp. RST_BACKING in the environment overrides it.\n\n"
    "It may be used from all threads. In a child after os.fork() it goes on to work, and is the\n"
    "child's own. It can't be pickled.");

static PyType_Slot provider_slots[] = {{Py_tp_doc, (void *)provider_type_doc},
                                       {Py_tp_new, provider_new},
                                       {Py_tp_dealloc, provider_dealloc},
                                       {Py_tp_traverse, provider_traverse},
                                       {Py_tp_repr, provider_repr},
                                       {Py_tp_methods, provider_methods},
                                       {Py_tp_getset, provider_attributes},
                                       {0, NULL}};

PyType_Spec provider_spec = {.name = "rst.Provider",
                             .basicsize = sizeof(struct provider),
                             .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
                             .slots = provider_slots};
