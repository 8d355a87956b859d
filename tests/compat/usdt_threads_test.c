/* SPDX-License-Identifier: MIT */
/*
 * libusdt's probes are fired while another thread enables and disables their provider. libusdt
 * frees them then.
 */
#include <usdt.h>

#include <pthread.h>
#include <unistd.h>

#include "seen.h"
#include "support/children.h"
#include "support/resources.h"
#include "support/tracer.h"

#define THREADS 4
#define CYCLES (SANITIZED ? 30 : 100)

/* As in tests/threads/firing_test.c: what a load maps is no write. */
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
    return "race:map_part\n";
}

static int ended;

static void *fire(void *data)
{
    const usdt_probedef_t *probedef = data;
    usdt_probe_t *kept = __atomic_load_n(&probedef->probe, __ATOMIC_ACQUIRE);
    void *args[] = {(void *)42L};

    while (!__atomic_load_n(&ended, __ATOMIC_RELAXED)) {
        usdt_probe_t *probe = __atomic_load_n(&probedef->probe, __ATOMIC_ACQUIRE);

        if (usdt_is_enabled(probe))
            usdt_fire_probe(probe, 1, args);
        usdt_fire_probe(kept, 1, args); /* it lives as long as the definition */
    }
    return NULL;
}

static void probes_are_fired_amid_enables_and_disables(void **state)
{
    const char *types[] = {"int"};
    usdt_provider_t *provider = usdt_create_provider("shop", "module");
    usdt_probedef_t *order = usdt_create_probe("pay", "order", 1, types);
    bool traceable = tracer_unavailable() == NULL;
    pthread_t threads[THREADS];

    (void)state;
    check_equal(usdt_provider_add_probe(provider, order), 0);
    check_equal(usdt_provider_enable(provider), 0);
    for (int i = 0; i < THREADS; i++)
        check_equal(pthread_create(&threads[i], NULL, fire, order), 0);
    for (int i = 0; i < CYCLES; i++) {
        int tracer = traceable && i % 10 == 0 ? watch("shop", "order") : -1;

        check_equal(usdt_provider_disable(provider), 0);
        if (tracer >= 0)
            close(tracer);
        check_equal(usdt_provider_enable(provider), 0);
    }
    __atomic_store_n(&ended, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    usdt_provider_free(provider);
    usdt_probe_release(order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probes_are_fired_amid_enables_and_disables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
