/* SPDX-License-Identifier: MIT */
#ifndef RST_COMPAT_USDT_H
#define RST_COMPAT_USDT_H

/**
 * @file usdt.h
 * libusdt's interface, on librst. Programs written for libusdt, which makes DTrace's probes,
 * compile with this header, and programs compiled with its own header run with this library: names,
 * values and layouts are the same. docs/compat.md says what is different.
 *
 *     const char *types[] = {"int", "char *"};
 *     usdt_provider_t *shop = usdt_create_provider("shop", "module");
 *     usdt_probedef_t *checkout = usdt_create_probe("pay", "checkout", 2, types);
 *     usdt_provider_add_probe(shop, checkout);
 *     if (usdt_provider_enable(shop) < 0)
 *         fprintf(stderr, "%s\n", usdt_errstr(shop));
 *     if (usdt_is_enabled(checkout->probe))
 *         usdt_fire_probe(checkout->probe, 2, (void *[]){(void *)42L, "Ada"});
 *
 * A tracer sees shop:checkout. Every function takes NULL for what it is given, and then does
 * nothing.
 */

#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How many types usdt_probedef_t has room for. A probe may have twelve arguments. */
#define USDT_ARG_MAX 32

/** For usdt_error(), with what follows them there. */
typedef enum usdt_error {
    USDT_ERROR_MALLOC = 0,
    USDT_ERROR_VALLOC,
    USDT_ERROR_NOPROBES,
    USDT_ERROR_LOADDOF, /**< a string that says why */
    USDT_ERROR_ALREADYENABLED,
    USDT_ERROR_UNLOADDOF,   /**< a string that says why */
    USDT_ERROR_DUP_PROBE,   /**< four strings: provider, module, function, name */
    USDT_ERROR_REMOVE_PROBE /**< the same */
} usdt_error_t;

/** What fires. It lives as long as its usdt_probedef_t. */
typedef struct usdt_probe {
    int (*isenabled_addr)(void); /**< gives 0; call usdt_is_enabled() instead */
    void *probe_addr;            /**< librst's own */
} usdt_probe_t;

/** Gives 1 while somebody watches, or 0. */
int usdt_is_enabled(usdt_probe_t *probe);

/** Fire with `argc` arguments; excess ones are dropped, and missing ones are 0. */
void usdt_fire_probe(usdt_probe_t *probe, size_t argc, void **argv);

typedef struct usdt_probedef {
    const char *name;
    const char *function;
    size_t argc;
    char *types[USDT_ARG_MAX];
    struct usdt_probe *probe; /**< while its provider is enabled; else NULL */
    struct usdt_probedef *next;
    int refcnt;
} usdt_probedef_t;

/**
 * Describe a probe: types are C's, and "char *" is a string. NULL if there is no memory, or if a
 * string is NULL.
 */
usdt_probedef_t *usdt_create_probe(const char *func, const char *name, size_t argc,
                                   const char **types);

/** The program needs it no more. It is freed when no provider has it, either. */
void usdt_probe_release(usdt_probedef_t *probedef);

typedef struct usdt_provider {
    const char *name;
    const char *module;
    usdt_probedef_t *probedefs;
    char *error;
    int enabled;
    void *file; /**< not used */
} usdt_provider_t;

/** Make a provider. NULL if there is no memory, or if a string is NULL. */
usdt_provider_t *usdt_create_provider(const char *name, const char *module);

/** Add a probe; tracers see it after the next usdt_provider_enable(). Gives 0 or -1. */
int usdt_provider_add_probe(usdt_provider_t *provider, usdt_probedef_t *probedef);

/**
 * Remove a probe, which fires nothing from then on. Tracers list it until the next
 * usdt_provider_enable() that comes after a usdt_provider_disable(). Gives 0 or -1.
 */
int usdt_provider_remove_probe(usdt_provider_t *provider, usdt_probedef_t *probedef);

/** Show the probes to tracers; again after adding more. Gives 0 or -1. */
int usdt_provider_enable(usdt_provider_t *provider);

/** Hide the probes, which may be fired meanwhile. Gives 0 or -1. */
int usdt_provider_disable(usdt_provider_t *provider);

/** Disable and free the provider. No thread may be using it or its probes. */
void usdt_provider_free(usdt_provider_t *provider);

/** Set what usdt_errstr() gives. */
void usdt_error(usdt_provider_t *provider, usdt_error_t error, ...);

/** What went wrong last, in words; "" if nothing did. */
char *usdt_errstr(usdt_provider_t *provider);

#ifdef __cplusplus
}
#endif

#endif /* RST_COMPAT_USDT_H */
