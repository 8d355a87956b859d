/* SPDX-License-Identifier: MIT */
/* The module rst._rst, of which each interpreter has one. */
#include "rstpy.h"

int add_to_module(PyObject *module, PyObject **ret, PyObject *object, const char *name)
{
    if (!object)
        return -1;
    *ret = object;
    Py_INCREF(object);
    if (PyModule_AddObject(module, name, object) == 0)
        return 0;
    Py_DECREF(object);
    return -1;
}

static int execute(PyObject *module)
{
    struct state *state = PyModule_GetState(module);

    if (add_errors(module, state) ||
        add_to_module(module, &state->provider_type,
                      PyType_FromModuleAndSpec(module, &provider_spec, NULL), "Provider") ||
        add_to_module(module, &state->probe_type,
                      PyType_FromModuleAndSpec(module, &probe_spec, NULL), "Probe"))
        return -1;
    return PyModule_AddStringConstant(module, "librst_version", rst_version());
}

/* All of the state is objects. */
static int traverse(PyObject *module, visitproc visit, void *arg)
{
    PyObject **object = PyModule_GetState(module);

    for (size_t i = 0; object && i < sizeof(struct state) / sizeof(*object); i++)
        Py_VISIT(object[i]);
    return 0;
}

static int clear(PyObject *module)
{
    PyObject **object = PyModule_GetState(module);

    for (size_t i = 0; object && i < sizeof(struct state) / sizeof(*object); i++)
        Py_CLEAR(object[i]);
    return 0;
}

static void free_module(void *module)
{
    clear(module);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
#if PY_VERSION_HEX >= 0x030c0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030d0000
    {Py_mod_gil, Py_MOD_GIL_USED},
#endif
    {0, NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "rst._rst",
    .m_doc = "The part of rst that is in C; its types are rst's.",
    .m_size = sizeof(struct state),
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = free_module,
};

PyMODINIT_FUNC PyInit__rst(void);

PyMODINIT_FUNC PyInit__rst(void)
{
    return PyModuleDef_Init(&definition);
}
