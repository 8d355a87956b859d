/* SPDX-License-Identifier: MIT */
/*
 * The dynamic linker tells libraries apart by their paths. Close a memfd, let its number be used
 * again, and /proc/PID/fd/N is the path of a library that the linker has loaded already.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/children.h"
#include "support/resources.h"
#include "support/shop.h"
#include "support/tracer.h"

static int fd_of(const rst_probe *probe)
{
    return atoi(strrchr(rst_probe_path(probe), '/') + 1);
}

static ino_t inode_of(int fd)
{
    struct stat status;

    check_equal(fstat(fd, &status), 0);
    return status.st_ino;
}

/* Another provider, which must have a library of its own. */
struct bank {
    rst_provider *provider;
    rst_probe *transfer;
};

static struct bank bank_loaded(void)
{
    struct bank bank = {.provider = rst_provider_new("bank")};

    bank.transfer = rst_provider_add(bank.provider, "transfer", "uint64 cents");
    check(bank.transfer != NULL);
    check_equal(rst_provider_load(bank.provider), 0);
    return bank;
}

static void a_closed_memfds_number_does_not_lead_to_its_library(void **state)
{
    struct resources before = resources_now();
    struct shop shop = shop_to_trace();
    int fd = fd_of(shop.order), shop_tracer, bank_tracer, file;
    struct bank bank;

    (void)state;
    shop_tracer = shop_trace(shop);
    close(fd);
    bank = bank_loaded();
    assert_true(rst_probe_function(shop.order) != rst_probe_function(bank.transfer));
    bank_tracer = tracer_attach_probe(bank.transfer, "bank", 0);
    shop_fire(shop, 3);
    for (uint64_t cents = 0; cents < 5; cents++)
        RST_FIRE(bank.transfer, cents);
    assert_int_equal(tracer_count(shop_tracer), 3);
    assert_int_equal(tracer_count(bank_tracer), 5);
    close(bank_tracer);
    close(shop_tracer);

    /* Nor does freeing the first close what has its number now. */
    file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (DLCLOSE_UNMAPS) /* musl, which knows libraries by inode and not by name, lets bank have it
                         */
        assert_int_equal(file, fd);
    rst_provider_free(shop.provider);
    assert_int_equal(fcntl(file, F_GETFD), FD_CLOEXEC);
    close(file);
    rst_provider_free(bank.provider);
    assert_nothing_left(before, resources_now());
}

static void copy_file(const char *from, int to)
{
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    char buffer[4096];
    ssize_t size;

    check(fd >= 0);
    while ((size = read(fd, buffer, sizeof(buffer))) > 0)
        check_equal(write(to, buffer, (size_t)size), size);
    close(fd);
}

/* Some other library that the program has loaded from a memfd that it closed since. */
static void *load_foreign(int *fd)
{
    struct shop shop = shop_loaded();
    int memfd = memfd_create("foreign", MFD_CLOEXEC);
    char path[64];
    void *handle;

    copy_file(rst_probe_path(shop.order), memfd);
    rst_provider_free(shop.provider);
    *fd = fcntl(memfd, F_DUPFD_CLOEXEC, 0); /* the lowest number, which the next memfd gets */
    if (*fd > memfd) {
        close(*fd);
        *fd = memfd;
    } else {
        close(memfd);
    }
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), *fd);
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    check(handle != NULL);
    close(*fd);
    return handle;
}

static void a_foreign_librarys_number_does_not_lead_to_it(void **state)
{
    void *foreign, *symbol;
    struct bank bank;
    int fd, tracer;

    (void)state;
    need_tracer();
    foreign = load_foreign(&fd);
    symbol = dlsym(foreign, "shop__order");
    bank = bank_loaded();
    assert_non_null(symbol);
    if (DLCLOSE_UNMAPS)
        assert_int_not_equal(fd_of(bank.transfer), fd);
    assert_ptr_not_equal((void *)(uintptr_t)rst_probe_function(bank.transfer), symbol);
    tracer = tracer_attach_probe(bank.transfer, "bank", 0);
    for (uint64_t cents = 0; cents < 5; cents++)
        RST_FIRE(bank.transfer, cents);
    assert_int_equal(tracer_count(tracer), 5);
    close(tracer);
    rst_provider_free(bank.provider);
    dlclose(foreign);
}

static void a_load_again_after_a_close_opens_a_new_memfd(void **state)
{
    struct resources before = resources_now();
    struct shop shop = shop_to_trace();
    const char *old_path = rst_probe_path(shop.order);
    rst_function function = rst_probe_function(shop.order);
    const volatile uint32_t *semaphore = rst_probe_semaphore(shop.order);
    int fd = fd_of(shop.order), other, tracer;
    ino_t other_inode;

    (void)state;
    close(fd);
    other = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(other, fd);
    other_inode = inode_of(other);
    assert_int_equal(rst_provider_load(shop.provider), 0);
    assert_int_equal(inode_of(other), other_inode);
    assert_int_not_equal(fd_of(shop.order), fd);
    assert_true(rst_probe_function(shop.order) == function);
    assert_ptr_equal(rst_probe_semaphore(shop.order), semaphore);
    assert_int_equal(atoi(strrchr(old_path, '/') + 1), fd); /* it stays readable */
    tracer = shop_trace(shop);
    shop_fire(shop, 4);
    assert_int_equal(tracer_count(tracer), 4);
    close(tracer);
    close(other);
    rst_provider_free(shop.provider);
    assert_nothing_left(before, resources_now());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_closed_memfds_number_does_not_lead_to_its_library),
        cmocka_unit_test(a_foreign_librarys_number_does_not_lead_to_it),
        cmocka_unit_test(a_load_again_after_a_close_opens_a_new_memfd),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
