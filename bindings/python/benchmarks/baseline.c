/* SPDX-License-Identifier: MIT */
/* What a call of C from Python costs at least: methods and an attribute that do nothing. */
#include <Python.h>

struct baseline {
    PyObject_HEAD int nothing;
};

static PyObject *do_nothing(PyObject *self, PyObject *const *values, Py_ssize_t count)
{
    (void)self;
    (void)values;
    (void)count;
    Py_RETURN_FALSE;
}

static PyObject *get_attribute(PyObject *self, void *nothing)
{
    (void)nothing;
    return PyBool_FromLong(((struct baseline *)self)->nothing);
}

static PyMethodDef methods[] = {
    {"fire", (PyCFunction)(void (*)(void))do_nothing, METH_FASTCALL, "Do nothing."},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef attributes[] = {{"enabled", get_attribute, NULL, "False.", NULL},
                                   {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot type_slots[] = {{Py_tp_methods, methods}, {Py_tp_getset, attributes}, {0, NULL}};

static PyType_Spec type_spec = {.name = "baseline.Baseline",
                                .basicsize = sizeof(struct baseline),
                                .flags = Py_TPFLAGS_DEFAULT,
                                .slots = type_slots};

static int execute(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &type_spec, NULL);

    if (!type)
        return -1;
    if (PyModule_AddObject(module, "Baseline", type) == 0)
        return 0;
    Py_DECREF(type);
    return -1;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, execute}, {0, NULL}};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "baseline", .m_size = 0,
                                 .m_slots = slots};

PyMODINIT_FUNC PyInit_baseline(void);

PyMODINIT_FUNC PyInit_baseline(void)
{
    return PyModuleDef_Init(&definition);
}
