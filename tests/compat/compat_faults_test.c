/* SPDX-License-Identifier: MIT */
/*
 * Every allocation of a provider's life fails in turn: the call says so, and all that is left can
 * be used and ended. The drop-ins and librst are linked in, with the allocators wrapped.
 */
#include <libstapsdt.h>
#include <usdt.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "seen.h"
#include "support/children.h"

/* ---------------------------------------------------------------------------- allocators -- */

static unsigned countdown; /* 0: nothing fails */
static bool failed, failed_words;

static bool fails(void)
{
    bool now = countdown > 0 && --countdown == 0;

    failed |= now;
    if (now)
        errno = ENOMEM;
    return now;
}

/* clang-format off */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size) { return fails() ? NULL : __real_malloc(size); }
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size) { return fails() ? NULL : __real_calloc(count, size); }
void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size) { return fails() ? NULL : __real_reallocarray(old, count, size); }
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text) { return fails() ? NULL : __real_strdup(text); }
/* clang-format on */

__attribute__((format(printf, 2, 0))) int __real_vasprintf(char **ret, const char *format,
                                                           va_list list);
__attribute__((format(printf, 2, 0))) int __wrap_vasprintf(char **ret, const char *format,
                                                           va_list list);
int __wrap_vasprintf(char **ret, const char *format, va_list list)
{
    if (fails()) {
        failed_words = true;
        return -1;
    }
    return __real_vasprintf(ret, format, list);
}

/* librst's own failures, as the drop-ins get them. 0: librst decides. */
static int load_error, unload_error;

int __real_rst_provider_load(rst_provider *provider);
int __wrap_rst_provider_load(rst_provider *provider);
int __wrap_rst_provider_load(rst_provider *provider)
{
    return load_error ? load_error : __real_rst_provider_load(provider);
}

int __real_rst_provider_unload(rst_provider *provider);
int __wrap_rst_provider_unload(rst_provider *provider);
int __wrap_rst_provider_unload(rst_provider *provider)
{
    return unload_error ? unload_error : __real_rst_provider_unload(provider);
}

/* Run `life` with each allocation failing in turn. It gives whether it was told of a failure. */
static void fail_each(bool (*life)(void))
{
    unsigned number = 0;

    life(); /* what stays for ever is there after this */
    do {
        struct held before = held_now();
        bool told;

        countdown = ++number;
        failed = failed_words = false;
        told = life();
        countdown = 0;
        if (told != failed && !failed_words)
            check_failed(__FILE__, __LINE__, "allocation %u: failed %d, told %d", number, failed,
                         told);
        check_held(before);
    } while (failed || failed_words);
    check(number > 10);
}

/* ----------------------------------------------------------------------------- libstapsdt -- */

static bool stapsdt_life(void)
{
    SDTProvider_t *provider = providerInit("shop"), *other = providerInit("other");
    bool told = !provider || provider->error || !other || other->error;
    SDTProbe_t *order = providerAddProbe(provider, "order", 2, uint64, int32);

    for (char name[] = "a"; *name < 'a' + 10; ++*name) /* more than the first room for handles */
        told |= !providerAddProbe(other, name, 0);
    told |= !order;
    told |= providerLoad(provider) < 0;
    probeFire(order, UINT64_C(1), 2);
    told |= !providerAddProbe(provider, "refund", 0);
    told |= providerLoad(provider) < 0;
    told |= providerLoad(other) < 0;
    providerUseMemfd(other, memfd_disabled);
    providerUnload(other);
    providerUnload(provider);
    probeFire(order, UINT64_C(1), 2);
    told |= providerLoad(provider) < 0;
    providerDestroy(provider);
    providerDestroy(other);
    return told;
}

static void libstapsdt_survives_each_failed_allocation(void **state)
{
    (void)state;
    fail_each(stapsdt_life);
}

static void libstapsdt_survives_without_words(void **state)
{
    SDTProvider_t *provider = providerInit("shop");

    (void)state;
    countdown = 2; /* the probe, then its words */
    failed = false;
    check(providerAddProbe(provider, "order", -1) != NULL);
    countdown = 0;
    check(failed && provider->error == NULL);
    check_equal(provider->error_code, elfCreationError);
    providerDestroy(provider);
}

static void libstapsdt_tells_librst_s_failures(void **state)
{
    SDTProvider_t *provider = providerInit("shop");
    SDTProbe_t *probe = providerAddProbe(provider, "order", 0);

    (void)state;
    load_error = -ENOEXEC;
    check_equal(providerLoad(provider), -1);
    check_equal(provider->error_code, sharedLibraryOpenError);
    load_error = -EPERM;
    check_equal(providerLoad(provider), -1);
    check_equal(provider->error_code, tmpCreationError);
    check(provider->_handle == NULL && provider->_filename == NULL && probe->_fire == NULL);
    load_error = 0;
    check_equal(providerLoad(provider), 0);
    unload_error = -EPERM;
    check_equal(providerUnload(provider), -1);
    check_equal(provider->error_code, sharedLibraryCloseError);
    check(provider->error != NULL);
    check_equal(probeIsEnabled(probe), 0);
    unload_error = 0;
    providerDestroy(provider);
}

/* -------------------------------------------------------------------------------- libusdt -- */

static void libusdt_survives_without_words(void **state)
{
    usdt_provider_t *provider = usdt_create_provider("shop", "module");

    (void)state;
    countdown = 1;
    failed = false;
    usdt_error(provider, USDT_ERROR_MALLOC);
    countdown = 0;
    check(failed);
    check_text(usdt_errstr(provider), "");
    usdt_provider_free(provider);
}

static void libusdt_tells_librst_s_failures(void **state)
{
    usdt_provider_t *provider = usdt_create_provider("shop", "module");
    usdt_probedef_t *order = usdt_create_probe("pay", "order", 0, NULL);

    (void)state;
    check_equal(usdt_provider_add_probe(provider, order), 0);
    load_error = -ENOMEM;
    check_equal(usdt_provider_enable(provider), -1);
    check_text(usdt_errstr(provider), "the probes can't be shown: no memory");
    load_error = 0;
    check_equal(usdt_provider_enable(provider), 0);
    unload_error = -ENOMEM;
    check_equal(usdt_provider_disable(provider), -1);
    check_text(usdt_errstr(provider), "the probes can't be hidden: no memory");
    check(order->probe == NULL);
    unload_error = 0;
    usdt_probe_release(order);
    usdt_provider_free(provider);
}

static bool usdt_life(void)
{
    const char *types[] = {"int", "char *"};
    usdt_provider_t *provider = usdt_create_provider("shop", "module");
    usdt_probedef_t *order = usdt_create_probe("pay", "order", 2, types);
    usdt_probedef_t *refund = usdt_create_probe("pay", "refund", 1, types);
    bool told = !provider || !order || !refund;

    told |= usdt_provider_add_probe(provider, order) < 0;
    told |= usdt_provider_add_probe(provider, refund) < 0;
    told |= usdt_provider_enable(provider) < 0;
    usdt_fire_probe(order ? order->probe : NULL, 0, NULL);
    told |= usdt_provider_remove_probe(provider, refund) < 0;
    usdt_provider_disable(provider);
    told |= usdt_provider_enable(provider) < 0; /* makes the probes anew */
    told |= *usdt_errstr(provider) != '\0';
    usdt_provider_disable(provider);
    told |= usdt_provider_enable(provider) < 0;
    usdt_probe_release(order);
    usdt_probe_release(refund);
    usdt_provider_free(provider);
    return told;
}

static void libusdt_survives_each_failed_allocation(void **state)
{
    (void)state;
    fail_each(usdt_life);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libstapsdt_survives_each_failed_allocation),
        cmocka_unit_test(libstapsdt_survives_without_words),
        cmocka_unit_test(libstapsdt_tells_librst_s_failures),
        cmocka_unit_test(libusdt_survives_without_words),
        cmocka_unit_test(libusdt_tells_librst_s_failures),
        cmocka_unit_test(libusdt_survives_each_failed_allocation),
    };

    setenv("RST_BACKING", "memfd", 1); /* so that no file takes a memfd's place, untold */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
