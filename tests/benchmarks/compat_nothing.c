/* SPDX-License-Identifier: MIT */
/* A libstapsdt that does nothing: what a call costs, and the loop around it. */
#include <libstapsdt.h>
#include <stddef.h>

#define EXPORT __attribute__((visibility("default")))

static SDTProvider_t provider;
static SDTProbe_t probe;

EXPORT SDTProvider_t *providerInit(const char *name)
{
    (void)name;
    return &provider;
}

EXPORT SDTProbe_t *providerAddProbe(SDTProvider_t *to, const char *name, int argCount, ...)
{
    (void)to, (void)name, (void)argCount;
    return &probe;
}

EXPORT int providerLoad(SDTProvider_t *to)
{
    (void)to;
    return 0;
}

EXPORT int providerUnload(SDTProvider_t *to)
{
    (void)to;
    return 0;
}

EXPORT void providerDestroy(SDTProvider_t *to)
{
    (void)to;
}

EXPORT void probeFire(SDTProbe_t *fired, ...)
{
    (void)fired;
}

EXPORT int probeIsEnabled(SDTProbe_t *asked)
{
    (void)asked;
    return 0;
}
