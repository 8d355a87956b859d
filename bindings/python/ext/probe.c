/* SPDX-License-Identifier: MIT */
/* rst.Probe, all but fire(). */
#include "rstpy.h"

#include <string.h>

/* ---------------------------------------------------------------------- its life -- */

/* librst has checked the signature, and says it in its plain form. */
static void set_arguments(struct probe *probe, const char *signature)
{
    while (*signature) {
        size_t length = strcspn(signature, ",");
        const struct kind *kind = find_kind(signature, strcspn(signature, " ,"));

        set_argument(&probe->arguments[probe->count++], kind);
        signature += length;
        signature += strspn(signature, ", ");
    }
}

static struct probe *allocate(struct provider *provider)
{
    PyTypeObject *type = (PyTypeObject *)state_of((PyObject *)provider)->probe_type;
    struct probe *probe = (struct probe *)type->tp_alloc(type, 0);

    if (!probe)
        return NULL;
    Py_INCREF(provider);
    probe_bind(probe, NULL);
    probe->provider = provider;
    probe->index = SIZE_MAX;
    return probe;
}

void probe_bind(struct probe *probe, const rst_probe *handle)
{
    probe->handle = handle;
    probe->semaphore = rst_probe_semaphore(handle);
}

/* A collection has closed the provider since the call began. Gives NULL. */
static PyObject *refuse_closed(struct probe *probe)
{
    PyErr_Format(state_of((PyObject *)probe)->invalid_error, "the provider %U was closed meanwhile",
                 probe->provider->name);
    Py_DECREF(probe);
    return NULL;
}

/* Gives the probe, or NULL. */
static PyObject *set_handle(struct probe *probe, size_t index)
{
    struct declared *declared = &probe->provider->declared[index];
    const rst_probe *handle = declared->handle;

    declared->probe = probe;
    probe->index = index;
    probe_bind(probe, handle);
    set_arguments(probe, rst_probe_signature(handle));
    probe->name = PyUnicode_FromString(rst_probe_name(handle));
    if (probe->name && probe->handle)
        probe->signature = PyUnicode_FromString(rst_probe_signature(handle));
    if (probe->signature)
        return (PyObject *)probe;
    if (!PyErr_Occurred())
        return refuse_closed(probe);
    Py_DECREF(probe);
    return NULL;
}

PyObject *probe_at(struct provider *provider, size_t index)
{
    struct probe *probe = provider->declared[index].probe, *made = NULL;

    if (!probe) {
        made = allocate(provider); /* which may collect garbage: see provider_get_probes() */
        if (!made)
            return NULL;
        if (index >= provider->count)
            return refuse_closed(made);
        probe = provider->declared[index].probe;
    }
    if (!probe)
        return set_handle(made, index);
    Py_XDECREF(made);
    Py_INCREF(probe);
    return (PyObject *)probe;
}

/* Gives whether there is room for one more. */
static bool make_room(struct provider *provider)
{
    size_t room = provider->room ? 2 * provider->room : 8;
    struct declared *declared;

    if (provider->count < provider->room)
        return true;
    declared = PyMem_Realloc(provider->declared, room * sizeof(*declared));
    if (!declared)
        return false;
    provider->declared = declared;
    provider->room = room;
    return true;
}

/* Everything is allocated before librst has the probe, for it can't be taken back. */
PyObject *probe_declare(struct provider *provider, const char *name, const char *signature)
{
    struct probe *probe = allocate(provider);
    rst_probe *handle;

    if (!probe)
        return NULL;
    if (!make_room(provider)) {
        Py_DECREF(probe);
        return PyErr_NoMemory();
    }
    if (!provider->handle)
        return refuse_closed(probe);
    handle = rst_provider_add(provider->handle, name, signature);
    if (!handle) {
        raise_librst(state_of((PyObject *)provider), errno);
        Py_DECREF(probe);
        return NULL;
    }
    provider->declared[provider->count] = (struct declared){handle, NULL};
    return set_handle(probe, provider->count++);
}

static PyObject *probe_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    (void)arguments;
    (void)keywords;
    return PyErr_Format(PyExc_TypeError, "a %s is made by Provider.probe()", type->tp_name);
}

static int probe_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct probe *)self)->provider);
    return 0;
}

static void probe_dealloc(PyObject *self)
{
    struct probe *probe = (struct probe *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (probe->index < probe->provider->count) /* which is 0 once it is closed */
        probe->provider->declared[probe->index].probe = NULL;
    Py_DECREF(probe->provider);
    Py_XDECREF(probe->name);
    Py_XDECREF(probe->signature);
    type->tp_free(self);
    Py_DECREF(type);
}

/* ---------------------------------------------------------------------- the type -- */

static PyObject *probe_get_enabled(PyObject *self, void *nothing)
{
    (void)nothing;
    return PyBool_FromLong(*((struct probe *)self)->semaphore != 0);
}

static PyObject *probe_get_path(PyObject *self, void *nothing)
{
    const char *path = rst_probe_path(((struct probe *)self)->handle);

    (void)nothing;
    if (!path)
        Py_RETURN_NONE;
    return PyUnicode_DecodeFSDefault(path);
}

static PyObject *new_reference(PyObject *object)
{
    Py_INCREF(object);
    return object;
}

static PyObject *probe_get_name(PyObject *self, void *nothing)
{
    (void)nothing;
    return new_reference(((struct probe *)self)->name);
}

static PyObject *probe_get_signature(PyObject *self, void *nothing)
{
    (void)nothing;
    return new_reference(((struct probe *)self)->signature);
}

static PyObject *probe_get_provider(PyObject *self, void *nothing)
{
    (void)nothing;
    return new_reference((PyObject *)((struct probe *)self)->provider);
}

static PyObject *probe_repr(PyObject *self)
{
    const struct probe *probe = (struct probe *)self;

    return PyUnicode_FromFormat("<rst.Probe %U:%U(%U)>", probe->provider->name, probe->name,
                                probe->signature);
}

static PyMethodDef probe_methods[] = {
    {"fire", (PyCFunction)(void (*)(void))probe_fire, METH_FASTCALL, probe_fire_doc},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef probe_attributes[] = {
    {"enabled", probe_get_enabled, NULL,
     "Whether a tracer is attached. False before a load, after an unload and when it is closed.",
     NULL},
    {"name", probe_get_name, NULL, "The probe's name.", NULL},
    {"signature", probe_get_signature, NULL,
     "Its arguments, as 'uint64 order, string customer'; '' if there are none.", NULL},
    {"provider", probe_get_provider, NULL, "The provider that it belongs to.", NULL},
    {"path", probe_get_path, NULL,
     "What a tracer attaches to: /proc/PID/fd/N or the file; None while it is not loaded.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

PyDoc_STRVAR(
    probe_type_doc,
    "A named place in the program, with values, that a tracer can watch.\n\n"
    "Provider.probe() makes it. It keeps its provider alive. In a child after os.fork() it\n"
    "goes on to work. It can't be pickled.");

static PyType_Slot probe_slots[] = {{Py_tp_doc, (void *)probe_type_doc},
                                    {Py_tp_new, probe_new},
                                    {Py_tp_dealloc, probe_dealloc},
                                    {Py_tp_traverse, probe_traverse},
                                    {Py_tp_repr, probe_repr},
                                    {Py_tp_methods, probe_methods},
                                    {Py_tp_getset, probe_attributes},
                                    {0, NULL}};

PyType_Spec probe_spec = {.name = "rst.Probe",
                          .basicsize = sizeof(struct probe),
                          .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
                          .slots = probe_slots};
