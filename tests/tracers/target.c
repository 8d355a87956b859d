/* SPDX-License-Identifier: MIT */
/*
 * The program that the tracers watch. It reads commands from stdin, one on a line, and answers each
 * on stdout when it is done, so that a test can wait for it.
 *
 *     path PROVIDER        path PATH                    for tracers; "-": not loaded
 *     semaphore PROBE      semaphore PROBE N
 *     fire PROBE TIMES     fired PROBE VALUE ... for each, then "done"
 *     unload, load         unloaded, loaded             all providers
 *     close                closed                       every descriptor above 2, as daemons do
 *     fork                 ready PID from the child, which goes on; the parent waits for its end
 *     leave                ready PID from the child, which goes on; the parent exits
 *
 * PROBE is provider:probe. At its start the program prints "ready PID". It ends when stdin ends.
 *
 * A VALUE is what a tracer must see of the fired bits, by the type in the signature: a decimal
 * integer; for floating point BITS:NUMBER, with NUMBER as C's %a prints it; for a string
 * ADDRESS:BYTES, with BYTES in hexadecimal.
 *
 * The providers:
 *     types:TYPE     twelve arguments of the one type, so that each value comes by each register
 *                    and stack slot
 *     counts:argsN   N arguments, N from 0 to 12
 *     shop:order     a few arguments of mixed types, fired from functions with names to find
 *     shop:mixed     twelve of them
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rst.h"
#include "support/close_range.h"
#include "values.h"

#define MOST_PROBES (TYPES + RST_MAX_ARGS + 3)
#define LINE_SIZE 256

struct target_probe {
    rst_provider *provider;
    rst_probe *probe;
    const struct type_values *types[RST_MAX_ARGS];
    size_t count;
    void (*fire)(const struct target_probe *target, unsigned turn);
};

static rst_provider *providers[3]; /* types, counts, shop */
static struct target_probe probes[MOST_PROBES];
static size_t probe_count;

static void die(const char *what)
{
    fprintf(stderr, "target: %s: %s\n", what, rst_error());
    exit(1);
}

/* ------------------------------------------------------------------------ what it says -- */

static double double_of(const struct type_values *type, uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    double wide;
    float narrow;

    if (type->form == FLOAT) {
        memcpy(&narrow, &low, sizeof(narrow));
        return (double)narrow;
    }
    memcpy(&wide, &bits, sizeof(wide));
    return wide;
}

static void say_value(const struct type_values *type, uint64_t bits)
{
    unsigned above = 64 - 8 * (unsigned)type->size; /* bits above the type's size */
    uint64_t cut = bits << above >> above;

    switch (type->form) {
    case SIGNED:
        printf(" %" PRId64, (int64_t)(bits << above) >> above);
        break;
    case UNSIGNED:
        printf(" %" PRIu64, cut);
        break;
    case FLOAT:
    case DOUBLE:
        printf(" %" PRIu64 ":%a", cut, double_of(type, bits));
        break;
    case STRING:
        printf(" %" PRIu64 ":", cut);
        for (const char *at = (const char *)(uintptr_t)bits; at && *at; at++)
            printf("%02x", (unsigned char)*at);
        break;
    }
}

static void say_fired(const struct target_probe *target, const uint64_t *args)
{
    printf("fired %s:%s", rst_provider_name(target->provider), rst_probe_name(target->probe));
    for (size_t i = 0; i < target->count; i++)
        say_value(target->types[i], args[i]);
    printf("\n");
}

/* ----------------------------------------------------------------------- what it fires -- */

static uint64_t value_of(const struct type_values *type, size_t number)
{
    uint64_t bits = type->bits[number];

    return type->form == STRING ? (uintptr_t)texts[bits] : bits;
}

/* In turn `n`, argument i has value n + i, so that after a round each has had every value. */
static void fire_values(const struct target_probe *target, unsigned turn)
{
    uint64_t args[RST_MAX_ARGS] = {0};

    for (size_t i = 0; i < target->count; i++)
        args[i] = value_of(target->types[i], (turn + i) % target->types[i]->count);
    rst_probe_fire(target->probe, args, target->count);
    say_fired(target, args);
}

/* These have symbols and frames of their own, so that tracers' stacks can show them. */
void checkout(const struct target_probe *target, unsigned turn);
void serve_request(const struct target_probe *target, unsigned turn);

__attribute__((noinline)) void checkout(const struct target_probe *target, unsigned turn)
{
    static const char *const customers[] = {"Ada", "Grace", "Alan"};
    uint64_t id = 1000 + turn;
    const char *customer = customers[turn % 3];
    int32_t cents = turn % 2 ? -250 : 1999;
    double weight = 0.5 * (turn + 1);
    uint64_t args[] = {RST_BITS(id), RST_BITS(customer), RST_BITS(cents), RST_BITS(weight)};

    RST_FIRE(target->probe, id, customer, cents, weight);
    say_fired(target, args);
}

__attribute__((noinline)) void serve_request(const struct target_probe *target, unsigned turn)
{
    bool cached = turn % 2;
    int8_t a = (int8_t)(INT8_MIN + (int)turn);
    int16_t b = (int16_t)(INT16_MIN + (int)turn);
    int32_t c = INT32_MIN + (int32_t)turn;
    int64_t d = INT64_MIN + (int64_t)turn;
    uint8_t e = (uint8_t)(UINT8_MAX - turn);
    uint16_t f = (uint16_t)(UINT16_MAX - turn);
    uint32_t g = UINT32_MAX - turn;
    uint64_t h = UINT64_MAX - turn;
    float ratio = -0.25F * (float)turn;
    double weight = -1e300 / (turn + 1);
    const char *path = turn % 2 ? "/" : "/index";
    uint64_t args[] = {
        RST_BITS(cached), RST_BITS(a),     RST_BITS(b),      RST_BITS(c),
        RST_BITS(d),      RST_BITS(e),     RST_BITS(f),      RST_BITS(g),
        RST_BITS(h),      RST_BITS(ratio), RST_BITS(weight), RST_BITS(path),
    };

    RST_FIRE(target->probe, cached, a, b, c, d, e, f, g, h, ratio, weight, path);
    say_fired(target, args);
}

/* -------------------------------------------------------------------- what it declares -- */

static const struct type_values *type_named(const char *name, size_t length)
{
    for (size_t i = 0; i < TYPES; i++)
        if (strlen(type_values[i].type) == length &&
            strncmp(type_values[i].type, name, length) == 0)
            return &type_values[i];
    fprintf(stderr, "target: no values for type %.*s\n", (int)length, name);
    exit(1);
}

static void add(rst_provider *provider, const char *name, const char *signature,
                void (*fire)(const struct target_probe *target, unsigned turn))
{
    struct target_probe *target = &probes[probe_count++];

    target->provider = provider;
    target->fire = fire;
    target->probe = rst_provider_add(provider, name, signature);
    if (!target->probe)
        die("rst_provider_add");
    for (const char *at = signature; *at; at += strcspn(at, ","), at += strspn(at, ", "))
        target->types[target->count++] = type_named(at, strcspn(at, " ,"));
}

static void add_repeated(rst_provider *provider, const char *name, const char *type, size_t count)
{
    char signature[LINE_SIZE] = "";

    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(signature);

        snprintf(signature + length, sizeof(signature) - length, "%s%s", i ? ", " : "", type);
    }
    add(provider, name, signature, fire_values);
}

static void declare(void)
{
    char name[LINE_SIZE];

    providers[0] = rst_provider_new("types");
    providers[1] = rst_provider_new("counts");
    providers[2] = rst_provider_new("shop");
    for (size_t i = 0; i < TYPES; i++)
        add_repeated(providers[0], type_values[i].type, type_values[i].type, RST_MAX_ARGS);
    for (size_t count = 0; count <= RST_MAX_ARGS; count++) {
        snprintf(name, sizeof(name), "args%zu", count);
        add_repeated(providers[1], name, "int64", count);
    }
    add(providers[2], "order", "uint64 id, string customer, int32 cents, double weight", checkout);
    add(providers[2], "mixed",
        "bool cached, int8 a, int16 b, int32 c, int64 d, uint8 e, uint16 f, uint32 g, uint64 h, "
        "float ratio, double weight, string path",
        serve_request);
}

/* ------------------------------------------------------------------------ what it does -- */

static struct target_probe *probe_named(const char *name)
{
    size_t length = strcspn(name, ":");

    for (size_t i = 0; i < probe_count; i++) {
        const char *provider = rst_provider_name(probes[i].provider);

        if (strlen(provider) == length && strncmp(provider, name, length) == 0 &&
            strcmp(rst_probe_name(probes[i].probe), name + length + 1) == 0)
            return &probes[i];
    }
    return NULL;
}

static void say_semaphore(const char *name, const struct target_probe *target)
{
    printf("semaphore %s %u\n", name, *rst_probe_semaphore(target->probe));
}

static void fire(const struct target_probe *target, unsigned long times)
{
    for (unsigned long turn = 0; turn < times; turn++)
        target->fire(target, (unsigned)turn);
    printf("done\n");
}

static void say_path(const char *name)
{
    for (size_t i = 0; i < probe_count; i++) {
        const char *path = rst_probe_path(probes[i].probe);

        if (strcmp(rst_provider_name(probes[i].provider), name) != 0)
            continue;
        printf("path %s\n", path ? path : "-");
        return;
    }
    printf("error no provider %s\n", name);
}

static void load(void)
{
    for (size_t i = 0; i < sizeof(providers) / sizeof(providers[0]); i++)
        if (rst_provider_load(providers[i]) < 0)
            die("rst_provider_load");
}

static void unload(void)
{
    for (size_t i = 0; i < sizeof(providers) / sizeof(providers[0]); i++)
        if (rst_provider_unload(providers[i]) < 0)
            die("rst_provider_unload");
}

/* Go on in a child. The parent waits for the child, or is gone before the child prints "ready". */
static void go_on_in_child(bool parent_waits)
{
    pid_t parent = getpid(), child;
    int status;

    fflush(stdout);
    child = fork();
    if (child < 0) {
        perror("target: fork");
        exit(1);
    }
    if (child > 0 && parent_waits) {
        waitpid(child, &status, 0);
        exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    if (child > 0)
        exit(0);
    while (!parent_waits && getppid() == parent)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    printf("ready %d\n", (int)getpid());
}

static void obey(char *line)
{
    char *rest = line, *word = strsep(&rest, " "), *name = strsep(&rest, " ");
    const struct target_probe *target = name ? probe_named(name) : NULL;
    unsigned long number = rest ? strtoul(rest, NULL, 10) : 0;

    if (strcmp(word, "path") == 0 && name)
        say_path(name);
    else if (strcmp(word, "semaphore") == 0 && target)
        say_semaphore(name, target);
    else if (strcmp(word, "fire") == 0 && target)
        fire(target, number);
    else if (strcmp(word, "unload") == 0)
        unload(), printf("unloaded\n");
    else if (strcmp(word, "load") == 0)
        load(), printf("loaded\n");
    else if (strcmp(word, "close") == 0)
        close_range(3, ~0U, 0), printf("closed\n");
    else if (strcmp(word, "fork") == 0 || strcmp(word, "leave") == 0)
        go_on_in_child(strcmp(word, "fork") == 0);
    else
        printf("error unknown command: %s %s\n", word, name ? name : "");
}

int main(void)
{
    char line[LINE_SIZE];

    setvbuf(stdout, NULL, _IOLBF, 0);
    declare();
    load();
    printf("ready %d\n", (int)getpid());
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        obey(line);
    }
    for (size_t i = 0; i < sizeof(providers) / sizeof(providers[0]); i++)
        rst_provider_free(providers[i]);
    return 0;
}
