/* SPDX-License-Identifier: MIT */
/*
 * A program that fires strings in memory that it has not touched, so that it is not resident. For
 * each line of input, the name of a place, it prints "fired PLACE". Before the fire, it checks
 * (proc(5), pagemap) that the place's page is not in its page tables.
 *
 * usage: strings_target FILE [fork]
 *
 * FILE has FILE_PAGES pages, with texts where strings_test.py puts them.
 */
#include <fcntl.h>
#include <rst.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define FAR (64 * PAGE) /* farther than the kernel maps around a touched page */
#define FILE_PAGES 200

/* Literals that are far from each other and from everything else. */
struct literals {
    char before[FAR];
    char first[FAR];
    char second[FAR];
    char after[FAR];
};

__attribute__((aligned(PAGE))) static const struct literals literals = {
    .before = "?",
    .first = "a literal far away",
    .second = "a literal of the parent's",
    .after = "?",
};

static rst_probe *probe;
static const char *file;

static void die(const char *what)
{
    fprintf(stderr, "strings_target: %s: %s\n", what, rst_error());
    exit(1);
}

static bool is_resident(const char *text)
{
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    uint64_t entry = 0;

    if (fd < 0 || pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)text / PAGE * 8)) != 8)
        die("/proc/self/pagemap");
    close(fd);
    return entry >> 63 != 0;
}

static void fire_cold(const char *text)
{
    if (is_resident(text))
        die("the page is resident before the fire");
    RST_FIRE(probe, text);
    if (!is_resident(text))
        die("the page is not resident after the fire");
}

/* Call the bare function of the probe, like a JIT. */
static void call_cold(const char *text)
{
    void (*function)(uint64_t) = (void (*)(uint64_t))rst_probe_function(probe);

    if (is_resident(text))
        die("the page is resident before the call");
    function((uintptr_t)text);
}

/* Addresses that are not strings; each is shown as "". */
static void fire_invalid(void)
{
    char *none = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *gone = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    /* clang-format off */
    const uint64_t addresses[] = {
        0, 1, PAGE - 1, PAGE, (uintptr_t)none, (uintptr_t)gone, (uintptr_t)gone + PAGE - 1,
        UINT64_C(0x7ffffffff000), UINT64_C(0x800000000000), UINT64_C(0xffffffff81000000),
        UINT64_C(0xfffffffffffff000), UINT64_MAX,
    };
    /* clang-format on */

    munmap(gone, PAGE);
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
        for (int twice = 0; twice < 2; twice++)
            rst_probe_fire(probe, &addresses[i], 1);
    munmap(none, PAGE);
}

/* Go on in a child whose parent has touched the literal. */
static void go_on_in_child(void)
{
    char touched = *(const volatile char *)literals.second;
    int status = 0;
    pid_t child;

    (void)touched;
    if (!is_resident(literals.second))
        die("the page is not resident in the parent");
    child = fork();
    if (child == 0)
        return;
    if (child < 0 || waitpid(child, &status, 0) != child)
        die("fork");
    exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void fire_place(const char *place)
{
    if (strcmp(place, "file") == 0)
        fire_cold(file + 16 * PAGE);
    else if (strcmp(place, "end") == 0) /* the text goes on in the next page, which is cold, too */
        fire_cold(file + 65 * PAGE - 5);
    else if (strcmp(place, "literal") == 0)
        fire_cold(literals.first);
    else if (strcmp(place, "child") == 0)
        fire_cold(literals.second);
    else if (strcmp(place, "function") == 0)
        call_cold(file + 128 * PAGE);
    else if (strcmp(place, "last") == 0) /* nothing is mapped after it */
        fire_cold(file + (FILE_PAGES - 1) * PAGE);
    else if (strcmp(place, "invalid") == 0)
        fire_invalid();
    else if (strcmp(place, "semaphore") != 0)
        die(place);
    printf("fired %s %u\n", place, *rst_probe_semaphore(probe));
}

int main(int argc, char **argv)
{
    rst_provider *provider = rst_provider_new("cold");
    char place[64];
    int fd;

    if (argc < 2)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    probe = rst_provider_add(provider, "text", "string text");
    if (rst_provider_load(provider) < 0)
        die("rst_provider_load");
    fd = open(argv[1], O_RDONLY | O_CLOEXEC);
    file = mmap(NULL, FILE_PAGES * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
    if (fd < 0 || file == MAP_FAILED)
        die(argv[1]);
    if (argc > 2)
        go_on_in_child();
    printf("ready %d %s\n", (int)getpid(), rst_probe_path(probe));
    while (scanf("%63s", place) == 1)
        fire_place(place);
    rst_provider_free(provider);
    return 0;
}
