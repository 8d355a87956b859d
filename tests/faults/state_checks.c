/* SPDX-License-Identifier: MIT */
#include "state_checks.h"

#include <dirent.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/tracer.h"

/* ------------------------------------------------------------------------- the memory -- */

static char maps[1 << 17];

static void read_maps(void)
{
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    ssize_t size;

    if (fd < 0)
        abort();
    while ((size = read(fd, maps + length, sizeof(maps) - 1 - length)) > 0)
        length += (size_t)size;
    close(fd);
    if (length == sizeof(maps) - 1)
        abort();
    maps[length] = '\0';
}

/* The inode that an address is mapped from; 0 if it is anonymous. */
static unsigned long inode_at(const volatile void *address)
{
    for (const char *line = maps; *line; line = strchr(line, '\n') + 1) {
        unsigned long from, to, inode;

        if (sscanf(line, "%lx-%lx %*s %*s %*s %lu", &from, &to, &inode) == 3 &&
            (uintptr_t)address >= from && (uintptr_t)address < to)
            return inode;
    }
    return 0;
}

/* A page that nobody can read holds a file's inode: no tracer takes it for the image. */
static bool is_pin(const char *found)
{
    while (found > maps && found[-1] != '\n')
        found--;
    return strstr(found, " ---p ") == strchr(found, ' ');
}

void expect_unmapped(void)
{
    static const char *const marks[] = {"librst-" FIXTURE_PROVIDER, "/" FIXTURE_PROVIDER "."};

    read_maps();
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) /* a memfd's, and a file's */
        for (const char *found = maps; (found = strstr(found, marks[i])); found++)
            if (!is_pin(found))
                complain("is still mapped: %.*s", (int)strcspn(found, "\n"), found);
}

/* --------------------------------------------------------------------------- the probes -- */

/* All of a few, some of many. */
static size_t next_sample(size_t i, size_t from, size_t to)
{
    return to - from > 8 && i + 1 < to - 1 ? to - 1 : i + 1;
}

#define EACH_SAMPLE(i, from, to) for (size_t i = (from); i < (to); i = next_sample(i, from, to))

void poke(struct fixture *fixture, size_t from, size_t to, unsigned value)
{
    EACH_SAMPLE(i, from, to)
    if (rst_probe_path(fixture->probes[i]))
        *(volatile uint32_t *)(uintptr_t)rst_probe_semaphore(fixture->probes[i]) = (uint16_t)value;
}

static void fire(const rst_probe *probe)
{
    const uint64_t arguments[] = {1, (uintptr_t) "path"};

    RST_FIRE(probe, 1, "path");
    rst_probe_fire(probe, arguments, 2);
}

/* Fires it whatever the semaphore says. */
static void call(const rst_probe *probe)
{
    ((void (*)(uint64_t, uint64_t))(uintptr_t)rst_probe_function(probe))(1, 2);
}

struct named {
    uintptr_t address;
    const char *name;
};

static int find_name(struct dl_phdr_info *info, size_t size, void *data)
{
    struct named *named = data;

    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

        if (info->dlpi_phdr[i].p_type == PT_LOAD && named->address >= from &&
            named->address < from + info->dlpi_phdr[i].p_memsz)
            named->name = info->dlpi_name;
    }
    return 0;
}

static void expect_place(const rst_probe *probe, const char *path)
{
    struct named named = {(uintptr_t)rst_probe_function(probe), NULL};
    struct stat status;

    if (stat(path, &status) < 0) {
        complain("%s: its path %s leads nowhere", rst_probe_name(probe), path);
        return;
    }
    if (inode_at(rst_probe_semaphore(probe)) != status.st_ino)
        complain("%s: its semaphore is not mapped from %s", rst_probe_name(probe), path);
    if (inode_at((void *)(uintptr_t)rst_probe_function(probe)) != status.st_ino)
        complain("%s: its function is not mapped from %s", rst_probe_name(probe), path);
    dl_iterate_phdr(find_name, &named);
    if (!named.name || strcmp(named.name, path) != 0)
        complain("%s: the link map calls it \"%s\", not %s", rst_probe_name(probe),
                 named.name ? named.name : "(none)", path);
}

void expect_shown(struct fixture *fixture, size_t from, size_t to)
{
    read_maps();
    EACH_SAMPLE(i, from, to)
    {
        const rst_probe *probe = fixture->probes[i];
        const char *path = rst_probe_path(probe);

        if (!path) {
            complain("%s: has no path, though it should be loaded", rst_probe_name(probe));
            continue;
        }
        expect_place(probe, path);
        if (RST_ENABLED(probe))
            complain("%s: enabled, and nobody watches", rst_probe_name(probe));
        fire(probe);
        call(probe);
    }
}

void expect_enabled(struct fixture *fixture, size_t from, size_t to)
{
    EACH_SAMPLE(i, from, to)
    if (!RST_ENABLED(fixture->probes[i]))
        complain("%s: disabled, though it was loaded before and is watched",
                 rst_probe_name(fixture->probes[i]));
}

void expect_disabled(struct fixture *fixture, size_t from, size_t to)
{
    EACH_SAMPLE(i, from, to)
    {
        const rst_probe *probe = fixture->probes[i];

        if (RST_ENABLED(probe) || rst_probe_enabled(probe))
            complain("%s: enabled", rst_probe_name(probe));
        fire(probe);
        call(probe);
        if (rst_probe_path(probe))
            complain("%s: disabled, and has the path %s", rst_probe_name(probe),
                     rst_probe_path(probe));
    }
}

void fire_all(struct fixture *fixture)
{
    EACH_SAMPLE(i, 0, fixture->count)
    {
        fire(fixture->probes[i]);
        call(fixture->probes[i]);
    }
}

void expect_traced(const rst_probe *probe)
{
    int tracer = tracer_attach_probe(probe, FIXTURE_PROVIDER, 0);
    uint64_t count;

    if (!RST_ENABLED(probe))
        complain("%s: disabled, and a tracer watches it", rst_probe_name(probe));
    fire(probe);
    fire(probe);
    call(probe);
    count = tracer_count(tracer);
    if (count != 5)
        complain("%s: fired 5 times, and a tracer counts %lu", rst_probe_name(probe),
                 (unsigned long)count);
    close(tracer);
    if (RST_ENABLED(probe))
        complain("%s: enabled, and its tracer has gone", rst_probe_name(probe));
}

/* ----------------------------------------------------------------------------- the files -- */

/* Find a file of librst's in its directory under `base`, or the directory; of this process, if
 * others may have theirs there. Gives whether there is one, with its name in `path`. */
static bool find_file(const char *base, bool shared, char *path, size_t size)
{
    char own[32];
    struct dirent *entry;
    bool found;
    DIR *stream;

    snprintf(own, sizeof(own), ".%d.", (int)getpid());
    snprintf(path, size, "%s/librst-%u", base, (unsigned)geteuid());
    stream = opendir(path);
    if (!stream)
        return false;
    found = !shared;
    while ((entry = readdir(stream)))
        if (entry->d_name[0] != '.' && (!shared || strstr(entry->d_name, own))) {
            size_t length = strlen(path);

            snprintf(path + length, size - length, "/%s", entry->d_name);
            found = true;
            break;
        }
    closedir(stream);
    return found;
}

static void load_sweeper(const char *base)
{
    rst_provider *sweeper = rst_provider_new("sweeper");

    if (!rst_provider_add(sweeper, "sweep", NULL) ||
        rst_provider_set_backing(sweeper, RST_BACKING_FILE, base) < 0 ||
        rst_provider_load(sweeper) < 0)
        complain("the next load: %s", rst_error());
    rst_provider_free(sweeper);
}

void expect_next_load(void)
{
    load_sweeper(fixture_directory);
}

/* What another process does that comes by. */
static void sweep(const char *base)
{
    pid_t child = fork();

    if (child == 0) {
        load_sweeper(base);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

void expect_no_files(bool littered)
{
    const struct {
        const char *base;
        bool shared;
    } places[] = {
        {fixture_xdg, false}, {fixture_tmp, false}, {fixture_directory, false}, {"/tmp", true}};
    char path[512];

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (!find_file(places[i].base, places[i].shared, path, sizeof(path)))
            continue;
        if (littered) {
            sweep(places[i].base);
            if (!find_file(places[i].base, places[i].shared, path, sizeof(path)))
                continue;
            complain("%s: the next process left it there", path);
        } else {
            complain("%s: left behind", path);
        }
        while (find_file(places[i].base, places[i].shared, path, sizeof(path)))
            if (remove(path) < 0)
                abort();
    }
}

/* -------------------------------------------------------------------------- the libraries -- */

static int count_library(struct dl_phdr_info *info, size_t size, void *count)
{
    (void)info, (void)size;
    ++*(size_t *)count;
    return 0;
}

size_t count_libraries(void)
{
    size_t count = 0;

    dl_iterate_phdr(count_library, &count);
    return count;
}
