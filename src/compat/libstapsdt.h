/* SPDX-License-Identifier: MIT */
#ifndef RST_COMPAT_LIBSTAPSDT_H
#define RST_COMPAT_LIBSTAPSDT_H

/**
 * @file libstapsdt.h
 * libstapsdt's interface, on librst. Programs written for libstapsdt compile with this header, and
 * programs compiled with its own header run with this library: names, values and layouts are the
 * same. docs/compat.md says what is different.
 *
 *     SDTProvider_t *shop = providerInit("shop");
 *     SDTProbe_t *checkout = providerAddProbe(shop, "checkout", 2, uint64, int32);
 *     if (providerLoad(shop) < 0)
 *         fprintf(stderr, "%s\n", shop->error);
 *     probeFire(checkout, order, cents);
 *
 * Every function takes NULL for a provider or a probe, and then does nothing. A probe that could
 * not be made can be fired like any other; nobody sees it.
 */

/* <errno.h> makes a macro of the name of a field. */
#pragma push_macro("errno")
#undef errno

#ifdef __cplusplus
extern "C" {
#endif

/** How many arguments SDTProbe_t can describe. A probe may have up to twelve. */
#define MAX_ARGUMENTS 6

/** What went wrong last in a provider. */
typedef enum {
    noError = -1,
    elfCreationError = 0,       /**< a probe could not be made, or has no good arguments */
    tmpCreationError = 1,       /**< a bad provider name; no memfd or file */
    sharedLibraryOpenError = 2, /**< dlopen(3) refused the probes */
    symbolLoadingError = 3,     /**< does not occur */
    sharedLibraryCloseError = 4 /**< the program has closed `_handle`, or an unload failed */
} SDTError_t;

/** An argument's size in bytes, negative if it is signed. */
typedef enum {
    noarg = 0,
    uint8 = 1,
    int8 = -1,
    uint16 = 2,
    int16 = -2,
    uint32 = 4,
    int32 = -4,
    uint64 = 8,
    int64 = -8
} ArgType_t;

/** Where the probes are kept: in a file, or in a memfd. */
typedef enum { memfd_disabled = 0, memfd_enabled = 1 } MemFDOption_t;

struct SDTProvider;

typedef struct SDTProbe {
    char *name;
    ArgType_t argFmt[MAX_ARGUMENTS]; /**< the first six; noarg where there is none */
    void *_fire;                     /**< the function with the site, while loaded */
    struct SDTProvider *provider;
    int argCount;
} SDTProbe_t;

typedef struct SDTProbeList_ {
    SDTProbe_t probe;
    struct SDTProbeList_ *next;
} SDTProbeList_t;

typedef struct SDTProvider {
    char *name;
    SDTProbeList_t *probes;
    union {
        SDTError_t errno;
        SDTError_t error_code; /**< the same, for programs that include <errno.h> */
    };
    char *error; /**< what went wrong last, in words; NULL if nothing did */

    /* Only to be read. */
    void *_handle;   /**< not NULL while loaded; nothing to find in it */
    char *_filename; /**< what a tracer attaches to, while loaded; else NULL */
    int _memfd;      /**< its descriptor, or -1 */
    MemFDOption_t _use_memfd;
} SDTProvider_t;

/** Make a provider. NULL if there is no memory. A bad name is reported by providerLoad(). */
SDTProvider_t *providerInit(const char *name);

/** Choose before a load. Gives 1, or 0 if the provider is loaded. */
int providerUseMemfd(SDTProvider_t *provider, const MemFDOption_t use_memfd);

/**
 * Add a probe with `argCount` arguments, whose ArgType_t follow. It is not NULL unless there is no
 * memory; if the probe can't be made, the provider's `error` says why, and so does providerLoad().
 */
SDTProbe_t *providerAddProbe(SDTProvider_t *provider, const char *name, int argCount, ...);

/**
 * Show the probes to tracers; after adding more, load again. Gives 0, or -1 and the provider's
 * `error`. If only some probes could not be made, it gives -1, too, and the others are loaded.
 */
int providerLoad(SDTProvider_t *provider);

/** Hide the probes, which may be fired meanwhile. Gives 0, or -1 and the provider's `error`. */
int providerUnload(SDTProvider_t *provider);

/** Unload and free the provider and its probes. No thread may be using them. */
void providerDestroy(SDTProvider_t *provider);

/** Fire with as many integers or pointers as the probe has arguments. */
void probeFire(SDTProbe_t *probe, ...);

/** Gives 1 while somebody watches, or 0. */
int probeIsEnabled(SDTProbe_t *probe);

#ifdef __cplusplus
}
#endif

#pragma pop_macro("errno")

#endif /* RST_COMPAT_LIBSTAPSDT_H */
