/* SPDX-License-Identifier: MIT */
/*
 * libstapsdt's calls from many threads, and across forks. libstapsdt has no lock at all, and its
 * paths are the parent's in a child.
 */
#include <libstapsdt.h>

#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seen.h"
#include "support/children.h"
#include "support/resources.h"
#include "support/shop.h"
#include "support/tracer.h"

#define THREADS 4
#define CYCLES (SANITIZED ? 30 : 100)
#define DEADLINE 20 /* seconds for a child; then SIGALRM ends it */

/*
 * ThreadSanitizer takes the mmap(2) of a load for a write to the semaphores, which threads read
 * meanwhile; see tests/threads/firing_test.c.
 */
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
    return "race:map_part\n";
}

static SDTProvider_t *loaded_provider(SDTProbe_t **ret)
{
    SDTProvider_t *provider = providerInit("shop");

    *ret = providerAddProbe(provider, "order", 2, uint64, int32);
    check_equal(providerLoad(provider), 0);
    return provider;
}

/* ------------------------------------------------------------------------------- threads -- */

static int ended;

static void *fire(void *probe)
{
    while (!__atomic_load_n(&ended, __ATOMIC_RELAXED)) {
        probeFire(probe, UINT64_C(1), 2);
        probeIsEnabled(probe);
    }
    return NULL;
}

static void start(pthread_t *threads, void *(*body)(void *), void *data)
{
    for (int i = 0; i < THREADS; i++)
        check_equal(pthread_create(&threads[i], NULL, body, data), 0);
}

static void join(const pthread_t *threads)
{
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void probes_are_fired_amid_loads_and_unloads(void **state)
{
    SDTProbe_t *probe;
    SDTProvider_t *provider = loaded_provider(&probe);
    bool traceable = tracer_unavailable() == NULL;
    pthread_t threads[THREADS];

    (void)state;
    ended = 0;
    start(threads, fire, probe);
    for (int i = 0; i < CYCLES; i++) {
        int tracer = traceable && i % 10 == 0 ? watch("shop", "order") : -1;

        check_equal(providerUnload(provider), 0);
        if (tracer >= 0)
            close(tracer);
        check_equal(providerLoad(provider), 0);
    }
    __atomic_store_n(&ended, 1, __ATOMIC_RELAXED);
    join(threads);
    providerDestroy(provider);
}

static void *live(void *data)
{
    (void)data;
    for (int i = 0; i < CYCLES / 5; i++) {
        SDTProbe_t *probe;
        SDTProvider_t *provider = loaded_provider(&probe);

        probeFire(probe, UINT64_C(1), 2);
        check_equal(providerUnload(provider), 0);
        providerDestroy(provider);
    }
    return NULL;
}

static void providers_of_one_name_come_and_go_in_all_threads(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    start(threads, live, NULL);
    join(threads);
    check_equal(see("shop", "order", NULL), 0);
}

/* --------------------------------------------------------------------------------- forks -- */

struct parents {
    SDTProvider_t *provider;
    SDTProbe_t *probe;
};

static void use_in_child(void *data)
{
    struct parents parents = *(struct parents *)data;
    char path[32];
    SDTProbe_t *refund;

    snprintf(path, sizeof(path), "/proc/%d/fd/", getpid());
    check_mentions(parents.provider->_filename, path);
    check_equal(access(parents.provider->_filename, R_OK), 0);
    if (tracer_unavailable() == NULL) {
        int tracer = watch("shop", "order");

        probeFire(parents.probe, UINT64_C(1), 2);
        check_equal(tracer_count(tracer), 1);
        close(tracer);
    }
    refund = providerAddProbe(parents.provider, "refund", 0);
    check_equal(providerLoad(parents.provider), 0);
    probeFire(refund);
    check_equal(see("shop", "refund", NULL), 1);
    check_equal(providerUnload(parents.provider), 0);
    providerDestroy(parents.provider);
}

static void a_child_has_its_own_probes(void **state)
{
    struct parents parents;

    (void)state;
    parents.provider = loaded_provider(&parents.probe);
    in_child(use_in_child, &parents);
    check_equal(see("shop", "order", NULL), 1);
    check_equal(see("shop", "refund", NULL), 0);
    providerDestroy(parents.provider);
}

static void live_once(void *data)
{
    SDTProbe_t *probe;

    (void)data;
    alarm(DEADLINE);
    providerDestroy(loaded_provider(&probe));
}

/* The child's thread is not the one that was in a call. */
static void a_fork_waits_for_calls_in_other_threads(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    check_applies(!SANITIZED,
                  "a child may get the sanitizer's own locks as another thread had them");
    start(threads, live, NULL);
    for (int i = 0; i < 20; i++)
        in_child(live_once, NULL);
    join(threads);
}

/* ------------------------------------------------------- a fork that can't wait for a call -- */

struct holder {
    sem_t holds, let_go;
};

static int hold(struct dl_phdr_info *info, size_t size, void *data)
{
    struct holder *holder = data;

    (void)info, (void)size;
    sem_post(&holder->holds);
    while (sem_wait(&holder->let_go) < 0)
        check_equal(errno, EINTR);
    return 1;
}

static void *hold_linker(void *data)
{
    dl_iterate_phdr(hold, data);
    return NULL;
}

static void *load(void *provider)
{
    check_equal(providerLoad(provider), 0);
    return NULL;
}

static size_t descriptors(void)
{
    size_t count = 0;

    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* The load has the drop-in's lock while its memfd is there, and waits for the linker. */
static bool has_memfd(const void *before)
{
    return descriptors() > *(const size_t *)before;
}

static void use_what_was_loaded(void *data)
{
    struct parents parents = *(struct parents *)data;

    alarm(DEADLINE);
    probeFire(parents.probe, UINT64_C(1), 2);
    check_equal(providerUnload(parents.provider), 0);
    check_equal(probeIsEnabled(parents.probe), 0);
}

static void a_fork_does_not_wait_for_ever(void **state)
{
    struct holder holder;
    struct parents parents;
    SDTProvider_t *other;
    pthread_t holding, loading;
    size_t before;

    (void)state;
    check_applies(!SANITIZED, "the sanitizer asks the dynamic linker, too");
    parents.provider = loaded_provider(&parents.probe);
    other = providerInit("other");
    providerAddProbe(other, "order", 0);
    before = descriptors();
    sem_init(&holder.holds, 0, 0);
    sem_init(&holder.let_go, 0, 0);
    check_equal(pthread_create(&holding, NULL, hold_linker, &holder), 0);
    while (sem_wait(&holder.holds) < 0)
        check_equal(errno, EINTR);
    check_equal(pthread_create(&loading, NULL, load, other), 0);
    check(wait_until(has_memfd, &before));
    in_child(use_what_was_loaded, &parents);
    sem_post(&holder.let_go);
    pthread_join(holding, NULL);
    pthread_join(loading, NULL);
    check_equal(see("other", "order", NULL), 1);
    providerDestroy(other);
    providerDestroy(parents.provider);
}

/* --------------------------------------------------------------------- two forks at once -- */

static _Thread_local bool forks_slowly;
static struct holder slow_fork;

/*
 * Registered before the drop-in's handler and after librst's, it runs between the two, while the
 * drop-in's lock is held and librst's is not.
 */
static void prepare_slowly(void)
{
    if (!forks_slowly)
        return;
    sem_post(&slow_fork.holds);
    while (sem_wait(&slow_fork.let_go) < 0)
        check_equal(errno, EINTR);
}

static void do_nothing(void *data)
{
    (void)data;
}

static void *fork_slowly(void *data)
{
    pid_t child;

    (void)data;
    forks_slowly = true;
    child = fork();
    if (child == 0)
        _exit(0);
    check_equal(waitpid(child, NULL, 0), child);
    return NULL;
}

static void a_fork_that_waits_in_vain_leaves_the_lock_to_another(void **state)
{
    SDTProbe_t *probe;
    SDTProvider_t *provider = loaded_provider(&probe);
    pthread_t forking;

    (void)state;
    check_applies(!SANITIZED,
                  "a child may get the sanitizer's own locks as another thread had them");
    sem_init(&slow_fork.holds, 0, 0);
    sem_init(&slow_fork.let_go, 0, 0);
    check_equal(pthread_create(&forking, NULL, fork_slowly, NULL), 0);
    while (sem_wait(&slow_fork.holds) < 0)
        check_equal(errno, EINTR);
    in_child(do_nothing, NULL); /* its fork waits for the lock, and goes on without it */
    sem_post(&slow_fork.let_go);
    pthread_join(forking, NULL);
    alarm(DEADLINE);
    check_equal(providerUnload(provider), 0);
    alarm(0);
    providerDestroy(provider);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probes_are_fired_amid_loads_and_unloads),
        cmocka_unit_test(providers_of_one_name_come_and_go_in_all_threads),
        cmocka_unit_test(a_child_has_its_own_probes),
        cmocka_unit_test(a_fork_waits_for_calls_in_other_threads),
        cmocka_unit_test(a_fork_does_not_wait_for_ever),
        cmocka_unit_test(a_fork_that_waits_in_vain_leaves_the_lock_to_another),
    };

    rst_provider_free(rst_provider_new("first")); /* registers librst's */
    pthread_atfork(prepare_slowly, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
