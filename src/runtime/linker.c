/* SPDX-License-Identifier: MIT */
#include "runtime/linker.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#include "error.h"
#include "runtime/lock.h"
#include "runtime/wait.h"

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#else /* musl, and glibc before 2.32, don't say: there may be threads at any time */
#define __libc_single_threaded 0
#endif

/* Whether dlopen(3) or dlclose(3) is at work. musl has the like of glibc's symbol under another
 * name, and its fork(2) waits for them. */
#ifdef __GLIBC__
#define IS_CHANGING (_r_debug.r_state != RT_CONSISTENT)
const bool rst_linker_unmaps = true;
#else
#define IS_CHANGING false
const bool rst_linker_unmaps = false;
#endif

/* -------------------------------------------------------- a child with half a linker -- */

/*
 * fork(2) copies the linker as another thread may have it at that moment. glibc makes some of its
 * locks new in the child and not dl_load_write_lock, for which a dlopen(3) there then waits for
 * ever. What the child can see is whether the link map is consistent, and, where it is, whether the
 * linker answers: a thread asks, and if it hears nothing for a second, it never will.
 */
#define ANSWER_WAIT 1 /* seconds */

static bool parent_had_threads, doubtful, broken;
static pthread_mutex_t asking = PTHREAD_MUTEX_INITIALIZER;
static sem_t answered;

static int stop_at_once(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)info, (void)size, (void)data;
    return 1;
}

static void *ask(void *unused)
{
    dl_iterate_phdr(stop_at_once, NULL);
    sem_post(&answered);
    return unused;
}

/* Gives 0, or -1 and errno, which may be EINTR. */
static int wait_for_answer(const struct timespec *until)
{
#ifdef RST_HAS_CLOCKWAIT
    return sem_clockwait(&answered, CLOCK_MONOTONIC, until);
#else
    while (sem_trywait(&answered) < 0) {
        if (rst_is_over(until))
            return -1; /* with EAGAIN */
        rst_nap();
    }
    return 0;
#endif
}

static bool does_answer(void)
{
    struct timespec until = rst_in_seconds(ANSWER_WAIT);
    pthread_t thread;

    sem_init(&answered, 0, 0);
    if (pthread_create(&thread, NULL, ask, NULL) != 0)
        return true; /* who can't have a thread can't ask */
    while (wait_for_answer(&until) < 0)
        if (errno != EINTR) {
            pthread_detach(thread); /* it waits for ever */
            return false;
        }
    pthread_join(thread, NULL);
    return true;
}

void rst_linker_forking(void)
{
    parent_had_threads = !__libc_single_threaded;
}

void rst_linker_forked_child(void)
{
    static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;

    asking = fresh;
    doubtful = parent_had_threads;
    broken = IS_CHANGING; /* glibc's dlopen(3) would abort */
}

static bool is_usable(void)
{
    pthread_mutex_lock(&asking);
    if (doubtful && !broken)
        broken = !does_answer();
    doubtful = false;
    pthread_mutex_unlock(&asking);
    return !broken;
}

/* A static program has musl's dlopen(3), too, which always fails. glibc's works there. */
static bool can_load(void)
{
#ifdef __GLIBC__
    return true;
#else
    return dlopen(NULL, RTLD_LAZY) != NULL;
#endif
}

int rst_linker_check(void)
{
    if (!can_load()) {
        dlerror(); /* it is said better here */
        return rst_fail(ENOEXEC, "this program is linked statically, and with its C library only a "
                                 "dynamically linked program can load probes: there is no "
                                 "dlopen(3); link it without -static");
    }
    if (is_usable())
        return 0;
    return rst_fail(ENOEXEC, "this process was forked while another thread was in dlopen(3) or "
                             "dlclose(3), which leaves the dynamic linker unusable; load before "
                             "forking, or fork when no thread loads a library");
}

/* ------------------------------------------------------------------ calls of the linker -- */

bool rst_linker_knows(const char *path)
{
    void *handle;

    rst_linking_begin();
    handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
    dlerror(); /* "not loaded" is no error of the program's */
    if (handle)
        dlclose(handle);
    rst_linking_end();
    return handle != NULL;
}

/* Load it, find its link map, and see that it is no other library's. */
static int load(const char *path, struct rst_loaded *ret)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    struct link_map *map = NULL;
    const char *words;

    if (!handle) {
        words = dlerror();
        return rst_fail(ENOEXEC, "dlopen: %s", words ? words : path);
    }
    if (dlinfo(handle, RTLD_DI_LINKMAP, &map) < 0) {
        words = dlerror();
        rst_fail(ENOEXEC, "dlinfo: %s", words ? words : path);
    } else if (strcmp(map->l_name, path) != 0) {
        rst_fail(ENOEXEC, "dlopen took %s for another library that it has loaded: %s", path,
                 rst_quote(map->l_name).text);
    } else {
        *ret = (struct rst_loaded){
            .handle = handle,
            .map = map,
            .name = map->l_name,
            .base = (uint8_t *)map->l_addr,
        };
        return 0;
    }
    dlclose(handle);
    return -ENOEXEC;
}

int rst_linker_open(const char *path, struct rst_loaded *ret)
{
    int error;

    rst_linking_begin();
    error = load(path, ret);
    rst_linking_end();
    return error;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the link map's own field is not const */
void rst_linker_rename(struct rst_loaded *loaded, char *path)
{
    /* An empty string that lives as long as the entry, unlike any of a plugin that has a librst of
     * its own and is closed first: the padding of the image's own e_ident. */
    char *nameless = (char *)loaded->base + EI_PAD;

    __atomic_store_n(&loaded->map->l_name, path ? path : nameless, __ATOMIC_RELEASE);
}

void rst_linker_close(struct rst_loaded *loaded)
{
    rst_linker_rename(loaded, rst_linker_unmaps ? loaded->name : NULL);
    if (!is_usable())
        return;
    rst_linking_begin();
    dlclose(loaded->handle);
    rst_linking_end();
}
