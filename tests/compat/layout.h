/* SPDX-License-Identifier: MIT */
/*
 * The layouts that compiled programs rely on. It compiles with the originals' headers, too.
 */
#ifndef TEST_LAYOUT_H
#define TEST_LAYOUT_H

#include <stddef.h>

#define SIZE(type, size) _Static_assert(sizeof(type) == (size), "the size of " #type)
#define FIELD(type, field, offset)                                                                 \
    _Static_assert(offsetof(type, field) == (offset), "where " #type " has " #field)
#define VALUE(constant, value) _Static_assert((constant) == (value), "the value of " #constant)

#ifdef LAYOUT_STAPSDT
SIZE(SDTProvider_t, 56);
FIELD(SDTProvider_t, name, 0);
FIELD(SDTProvider_t, probes, 8);
FIELD(SDTProvider_t, errno, 16);
FIELD(SDTProvider_t, error, 24);
FIELD(SDTProvider_t, _handle, 32);
FIELD(SDTProvider_t, _filename, 40);
FIELD(SDTProvider_t, _memfd, 48);
FIELD(SDTProvider_t, _use_memfd, 52);
SIZE(SDTProbe_t, 56);
FIELD(SDTProbe_t, name, 0);
FIELD(SDTProbe_t, argFmt, 8);
FIELD(SDTProbe_t, _fire, 32);
FIELD(SDTProbe_t, provider, 40);
FIELD(SDTProbe_t, argCount, 48);
SIZE(SDTProbeList_t, 64);
FIELD(SDTProbeList_t, probe, 0);
FIELD(SDTProbeList_t, next, 56);
SIZE(SDTError_t, 4);
VALUE(noError, -1);
VALUE(elfCreationError, 0);
VALUE(tmpCreationError, 1);
VALUE(sharedLibraryOpenError, 2);
VALUE(symbolLoadingError, 3);
VALUE(sharedLibraryCloseError, 4);
SIZE(ArgType_t, 4);
VALUE(noarg, 0);
VALUE(uint8, 1);
VALUE(int8, -1);
VALUE(uint16, 2);
VALUE(int16, -2);
VALUE(uint32, 4);
VALUE(int32, -4);
VALUE(uint64, 8);
VALUE(int64, -8);
VALUE(memfd_disabled, 0);
VALUE(memfd_enabled, 1);
VALUE(MAX_ARGUMENTS, 6);
#endif

#ifdef LAYOUT_USDT
SIZE(usdt_provider_t, 48);
FIELD(usdt_provider_t, name, 0);
FIELD(usdt_provider_t, module, 8);
FIELD(usdt_provider_t, probedefs, 16);
FIELD(usdt_provider_t, error, 24);
FIELD(usdt_provider_t, enabled, 32);
FIELD(usdt_provider_t, file, 40);
SIZE(usdt_probedef_t, 304);
FIELD(usdt_probedef_t, name, 0);
FIELD(usdt_probedef_t, function, 8);
FIELD(usdt_probedef_t, argc, 16);
FIELD(usdt_probedef_t, types, 24);
FIELD(usdt_probedef_t, probe, 280);
FIELD(usdt_probedef_t, next, 288);
FIELD(usdt_probedef_t, refcnt, 296);
SIZE(usdt_probe_t, 16);
FIELD(usdt_probe_t, isenabled_addr, 0);
FIELD(usdt_probe_t, probe_addr, 8);
VALUE(USDT_ARG_MAX, 32);
VALUE(USDT_ERROR_MALLOC, 0);
VALUE(USDT_ERROR_VALLOC, 1);
VALUE(USDT_ERROR_NOPROBES, 2);
VALUE(USDT_ERROR_LOADDOF, 3);
VALUE(USDT_ERROR_ALREADYENABLED, 4);
VALUE(USDT_ERROR_UNLOADDOF, 5);
VALUE(USDT_ERROR_DUP_PROBE, 6);
VALUE(USDT_ERROR_REMOVE_PROBE, 7);
#endif

#endif
