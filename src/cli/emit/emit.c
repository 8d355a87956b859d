/* SPDX-License-Identifier: MIT */
/*
 * rst emit: write the image of some probes to a file, completely or not at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "cli/base/file.h"
#include "cli/base/text.h"
#include "error.h"
#include "image/image.h"

static const char help[] =
    "Usage: rst emit PROVIDER 'PROBE(SIGNATURE)'... -o FILE [--arch NAME] [--nop BYTES]\n"
    "Write the ELF image that librst would make for a program with these probes.\n"
    "\n"
    "  -o, --output FILE  the file to write; \"-\" is standard output\n"
    "  -a, --arch NAME    the CPU that the image is for, by default this machine's: x86_64, "
    "aarch64,\n"
    "                     i386, arm, riscv64, ppc64le, s390x or loongarch64\n"
    "  -n, --nop BYTES    the length of the instruction at each site, on x86_64: 1 (the default, "
    "for\n"
    "                     every kernel), 5 or 10; 'rst check' says what suits this kernel\n"
    "  -h, --help         show this text\n"
    "\n"
    "A SIGNATURE is what rst_provider_add(3) takes: up to twelve 'TYPE NAME', with commas. The\n"
    "same names, signatures and CPU give the same bytes on every machine. An existing FILE is\n"
    "replaced when the new one is complete, or left as it was.\n"
    "\n"
    "Examples:\n"
    "    rst emit shop 'checkout(uint64 order, string customer)' 'closed()' -o shop.so\n"
    "    rst emit shop 'checkout(uint64 order)' -o - | sha256sum\n";

/* -------------------------------------------------------------------- writing the file -- */

#define BLOCK 4096

static int write_all(int fd, const uint8_t *bytes, size_t size)
{
    for (ssize_t count; size > 0; bytes += count, size -= (size_t)count) {
        count = write(fd, bytes, size);
        if (count < 0 && errno != EINTR)
            return -errno;
        count = count < 0 ? 0 : count;
    }
    return 0;
}

/* Write all bytes except zeros: an image is mostly holes. */
static int write_sparse(int fd, const uint8_t *bytes, size_t size)
{
    int error = 0;

    for (size_t at = 0; error == 0 && at < size; at += BLOCK) {
        size_t length = size - at < BLOCK ? size - at : BLOCK;

        if (rst_is_zero(bytes + at, length))
            continue;
        if (lseek(fd, (off_t)at, SEEK_SET) < 0)
            return -errno;
        error = write_all(fd, bytes + at, length);
    }
    if (error == 0 && ftruncate(fd, (off_t)size) < 0)
        error = -errno;
    return error;
}

/*
 * The new file gets the mode of the old one, or the mode that open() would have given it; until
 * then only the user can read it. If it can't be given to the old file's owner, it loses the
 * set-uid and set-gid bits, because it would run as another user.
 */
static int put_mode(int fd, const struct stat *before)
{
    mode_t mode, mask;

    if (before) {
        mode = before->st_mode & 07777;
        if (fchown(fd, before->st_uid, before->st_gid) < 0)
            mode &= 0777;
    } else {
        mask = umask(0);
        umask(mask);
        mode = 0666 & ~mask;
    }
    return fchmod(fd, mode) < 0 ? -errno : 0;
}

/* Replace a file, or make a new one if `before` is NULL. */
static int replace(const char *path, const struct stat *before, const uint8_t *bytes, size_t size)
{
    const char *slash = strrchr(path, '/');
    int error, fd;
    char *temporary;

    if (before && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) < 0)
        return -errno;
    /* in the same directory, because rename() needs the same file system */
    temporary = text_format("%.*s.rst.XXXXXX", slash ? (int)(slash + 1 - path) : 0, path);
    fd = mkostemp(temporary, O_CLOEXEC);
    error = fd < 0 ? -errno : write_sparse(fd, bytes, size);
    if (error == 0)
        error = put_mode(fd, before);
    if (fd >= 0 && close(fd) < 0 && error == 0)
        error = -errno;
    if (error == 0 && rename(temporary, path) < 0)
        error = -errno;
    if (error < 0 && fd >= 0)
        unlink(temporary);
    free(temporary);
    return error;
}

/*
 * Opening a regular file does not wait for a process that holds a lease on it. Opening a pipe waits
 * for its reader.
 */
static int write_through(const char *path, const uint8_t *bytes, size_t size)
{
    struct stat about;
    bool is_regular = stat(path, &about) == 0 && S_ISREG(about.st_mode);
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY | (is_regular ? O_NONBLOCK : 0));
    int error;

    if (fd < 0)
        return -errno;
    error = write_all(fd, bytes, size);
    return close(fd) < 0 && error == 0 ? -errno : error;
}

/*
 * Replace what the path leads to. The kernel follows a link, and refuses one that another user has
 * put into a shared directory (protected_symlinks in proc_sys_fs(5)). If a link leads to no file,
 * an empty one is made. Gives 1 for what must be written to instead: a device, a pipe, and a file
 * that has no path any more.
 */
static int place_file(const char *path, const uint8_t *bytes, size_t size)
{
    struct stat about, there;
    bool made = false;
    int error, fd;
    char *place;

    if (lstat(path, &about) < 0)
        return errno == ENOENT ? replace(path, NULL, bytes, size) : -errno;
    if (stat(path, &about) < 0) {
        if (errno != ENOENT)
            return -errno;
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
        if (fd < 0 || fstat(fd, &about) < 0)
            return -errno;
        close(fd);
        made = true;
    }
    if (S_ISDIR(about.st_mode))
        return -EISDIR;
    place = S_ISREG(about.st_mode) ? realpath(path, NULL) : NULL;
    if (place && lstat(place, &there) == 0 && file_is_same(&there, &about))
        error = replace(place, &about, bytes, size);
    else
        error = 1;
    if (error < 0 && made && about.st_size == 0)
        unlink(place);
    free(place);
    return error;
}

/*
 * Write `bytes` to the file `path`; "-" is standard output. A complete new file replaces the old
 * one, with its mode. Gives 0 or a negative errno.
 */
static int output_write(const char *path, const uint8_t *bytes, size_t size)
{
    const bool is_stdout = strcmp(path, "-") == 0;
    sigset_t held, former;
    int error;

    if (is_stdout) {
        error = write_all(STDOUT_FILENO, bytes, size);
    } else {
        sigfillset(&held); /* no signal ends the program while there is a temporary file */
        sigprocmask(SIG_BLOCK, &held, &former);
        error = place_file(path, bytes, size);
        sigprocmask(SIG_SETMASK, &former, NULL);
        if (error > 0)
            error = write_through(path, bytes, size);
    }
    return error < 0 ? file_fail(error, is_stdout ? "standard output" : text_path(path).text) : 0;
}

/* ------------------------------------------------------------------------- the command -- */

static const char *const nops[RST_NOPS] = {[RST_NOP1] = "1", [RST_NOP5] = "5", [RST_NOP10] = "10"};

struct emit_job {
    const char *output;
    struct rst_image_spec spec;
    struct rst_description **probes; /* each with its signature's plain form behind it */
};

static enum status choose_nop(struct emit_job *job, const char *name)
{
    for (enum rst_nop i = 0; i < RST_NOPS; i++)
        if (strcmp(nops[i], name) == 0) {
            job->spec.nop = i;
            return STATUS_GOOD;
        }
    return say_usage("emit", "--nop %s: use 1, 5 or 10", rst_quote(name).text);
}

static enum status choose_arch(struct emit_job *job, const char *name)
{
    job->spec.arch = rst_arch_find(name);
    if (job->spec.arch)
        return STATUS_GOOD;
    return say_usage("emit", "--arch %s is unknown; use one of %s", rst_quote(name).text,
                     rst_arch_names);
}

static enum status parse_options(int count, char **words, struct emit_job *job)
{
    static const struct option known[] = {
        {"output", required_argument, NULL, 'o'},
        {"arch", required_argument, NULL, 'a'},
        {"nop", required_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    enum status status = STATUS_GOOD;
    int option;

    while (status == STATUS_GOOD &&
           (option = getopt_long(count, words, ":o:a:n:", known, NULL)) != -1) {
        if (option == 'o')
            job->output = optarg;
        else if (option == 'n')
            status = choose_nop(job, optarg);
        else if (option != 'a')
            status = say_bad_option("emit", option, words);
        else
            status = choose_arch(job, optarg);
    }
    if (status == STATUS_GOOD && !job->spec.arch->stubs[job->spec.nop].code)
        status = say_usage("emit", "--nop %s is for x86_64; leave it out for %s",
                           nops[job->spec.nop], job->spec.arch->name);
    return status;
}

/* Parse "checkout(uint64 order)", which is split in place. Gives 0 or a negative errno. */
static int parse_probe(char *word, struct rst_description **ret)
{
    size_t length = strlen(word), name = strcspn(word, "(");
    char *signature = NULL;
    int error;

    if (name < length && word[length - 1] != ')')
        return rst_fail(EINVAL,
                        "probe %s: the signature must end with \")\", as in 'checkout(uint64 "
                        "order)'",
                        rst_quote(word).text);
    if (name < length) {
        word[length - 1] = '\0';
        word[name] = '\0';
        signature = word + name + 1;
    }
    error = rst_name_check("the probe's name", word, RST_MAX_PROBE_NAME);
    if (error < 0)
        return error;
    *ret = sure(malloc(sizeof(**ret) + rst_signature_room(signature)));
    (*ret)->name = word;
    error = rst_signature_parse(signature, (char *)(*ret + 1), &(*ret)->signature);
    return error < 0 ? rst_fail(-error, "probe %s: %s", word, rst_error()) : 0;
}

static enum status parse_words(int count, char **words, struct emit_job *job)
{
    if (rst_name_check("the provider's name", words[0], RST_MAX_PROVIDER_NAME) < 0)
        return say_usage("emit", "%s", rst_error());
    job->spec.provider = words[0];
    job->spec.count = (size_t)count - 1;
    job->probes = sure(calloc(job->spec.count, sizeof(void *)));
    job->spec.probes = (const struct rst_description *const *)job->probes;
    for (size_t i = 0; i < job->spec.count; i++) {
        if (parse_probe(words[1 + i], &job->probes[i]) < 0)
            return say_usage("emit", "%s", rst_error());
        for (size_t j = 0; j < i; j++)
            if (strcmp(job->probes[i]->name, job->probes[j]->name) == 0)
                return say_usage("emit", "probe %s is given twice", job->probes[i]->name);
    }
    return STATUS_GOOD;
}

static enum status run(int count, char **words)
{
    const struct rst_arch *own = rst_arch_native();
    struct emit_job job = {.spec = {.arch = own ? own : &rst_arch_x86_64, .nop = RST_NOP1}};
    enum status status = parse_options(count, words, &job);
    struct rst_image image = {0};
    int error;

    if (status != STATUS_GOOD)
        return status;
    if (count - optind < 2)
        return say_usage("emit", "name a PROVIDER and at least one 'PROBE(SIGNATURE)'");
    if (!job.output)
        return say_usage("emit", "give -o FILE; \"-\" is standard output");
    status = parse_words(count - optind, words + optind, &job);
    if (status == STATUS_GOOD) {
        error = rst_image_make(&job.spec, &image);
        if (error == 0)
            error = output_write(job.output, image.bytes, image.size);
        if (error < 0)
            status = say_failure(error);
        free(image.bytes);
    }
    for (size_t i = 0; i < job.spec.count; i++)
        free(job.probes[i]);
    free(job.probes);
    return status;
}

const struct command emit_command = {"emit", "write the image of some probes to a file", help, run};
