/* SPDX-License-Identifier: MIT */
#include "reading.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static const struct maker_probe probes[] = {
    {"shop", "order", "8@%rdi 8@%rsi -4@%rdx", "Qid,scustomer,i", 8, true, 0, 0},
    {"shop", "closed", "", "", 24, true, 0, 0},
    {"other", "plain", "-4@$5 8@-16(%rbp)", NULL, 40, false, 0, 0},
};

const struct maker_spec plain = {
    .type = ET_DYN, .machine = EM_X86_64, .bias = 0x1000, .probes = probes, .count = 3};

int file_of(const void *bytes, size_t size)
{
    int fd = memfd_create("usdt_test", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    return fd;
}

int read_made(const struct maker_file *made, struct usdt_file *ret)
{
    int fd = file_of(made->bytes, made->size), error = usdt_read(fd, "made", ret);

    close(fd);
    return error;
}

struct usdt_file read_good(const struct maker_file *made)
{
    struct usdt_file file;

    if (read_made(made, &file) != 0)
        fail_msg("%s", rst_error());
    return file;
}
