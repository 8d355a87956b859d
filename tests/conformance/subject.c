/* SPDX-License-Identifier: MIT */
/*
 * The subject of the conformance test for C. README.md beside it has the commands.
 *
 * C's values do not say of what type they are: the subject converts each to the C type that the
 * signature asks for, as a program would.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rst.h"

#define MOST_PROBES 64
#define MOST_FIELDS (2 + RST_MAX_ARGS + 1) /* the command, a name, the values, one too many */

static rst_provider *provider;
static rst_probe *probes[MOST_PROBES];
static size_t probe_count;

static __attribute__((noreturn)) void die(const char *what, const char *why)
{
    fprintf(stderr, "subject: %s: %s\n", what, why);
    exit(1);
}

/* The last failure's kind, as the protocol names it. */
static const char *error_kind(void)
{
    switch (errno) {
    case EINVAL:
    case ENAMETOOLONG:
    case E2BIG:
        return "invalid";
    case EEXIST:
        return "exists";
    default:
        die(strerror(errno), rst_error());
    }
}

static rst_probe *probe_named(const char *name)
{
    for (size_t i = 0; i < probe_count; i++)
        if (strcmp(rst_probe_name(probes[i]), name) == 0)
            return probes[i];
    die(name, "there is no probe of that name");
}

/* ------------------------------------------------------------------------------- values -- */

/* Replace each %HH by its byte, in place: the text only gets shorter. */
static const char *decoded(char *text)
{
    char *to = text;

    for (const char *from = text; *from; to++) {
        if (*from != '%') {
            *to = *from++;
            continue;
        }
        *to = (char)strtoul((const char[]){from[1], from[2], '\0'}, NULL, 16);
        from += 3;
    }
    *to = '\0';
    return text;
}

/* The bits of an `i:` or `d:` value, for an argument of that type. */
static uint64_t number_bits(const char *type, const char *text)
{
    if (strncmp(type, "double", 6) == 0)
        return RST_BITS(strtod(text, NULL));
    if (strncmp(type, "float", 5) == 0)
        return RST_BITS(strtof(text, NULL));
    return *text == '-' ? RST_BITS(strtoimax(text, NULL, 10)) : RST_BITS(strtoumax(text, NULL, 10));
}

static uint64_t value_bits(const char *type, char *value)
{
    char *text = value + 2;

    switch (value[0]) {
    case 'i':
    case 'd':
        return number_bits(type, text);
    case 's':
        return RST_BITS(decoded(text));
    case 'b':
        return RST_BITS(strcmp(text, "true") == 0);
    case 'n':
        return RST_BITS((const char *)NULL);
    default:
        die(value, "no value begins like that");
    }
}

/* How often a lazy fire has made its values. */
static int made;

/* Make the values of a fire: `ret_bits` has room for RST_MAX_ARGS. */
static const uint64_t *make_values(const rst_probe *probe, char *const *values, size_t count,
                                   uint64_t *ret_bits)
{
    const char *type = rst_probe_signature(probe);

    made++;
    for (size_t i = 0; i < count && i < RST_MAX_ARGS; i++) {
        ret_bits[i] = value_bits(type, values[i]);
        type += strcspn(type, ",");
        type += strspn(type, ", ");
    }
    return ret_bits;
}

static void fire(const char *name, char *const *values, size_t count)
{
    const rst_probe *probe = probe_named(name);
    uint64_t bits[RST_MAX_ARGS];

    rst_probe_fire(probe, make_values(probe, values, count, bits), count);
    printf("ok\n");
}

static void fire_lazily(const char *name, char *const *values, size_t count)
{
    const rst_probe *probe = probe_named(name);
    uint64_t bits[RST_MAX_ARGS];

    made = 0;
    if (RST_ENABLED(probe))
        rst_probe_fire(probe, make_values(probe, values, count, bits), count);
    printf("ok %d\n", made);
}

/* ----------------------------------------------------------------------------- commands -- */

static void make_provider(const char *name)
{
    provider = rst_provider_new(name);
    if (provider)
        printf("ok\n");
    else
        printf("error %s\n", error_kind());
}

static void add(const char *name, const char *signature)
{
    rst_probe *probe = rst_provider_add(provider, name, signature);

    if (!probe) {
        printf("error %s\n", error_kind());
        return;
    }
    if (probe_count == MOST_PROBES)
        die(name, "there are too many probes");
    probes[probe_count++] = probe;
    printf("ok\n");
}

/* `load` or `unload`, which the driver expects to succeed. */
static void change(int (*function)(rst_provider *))
{
    if (function(provider) < 0)
        die("load or unload", rst_error());
    printf("ok\n");
}

static void say_path(const char *name)
{
    const char *path = rst_probe_path(probe_named(name));

    printf("ok%s%s\n", path ? " " : "", path ? path : "");
}

/* Gives whether to go on. */
static bool obey(char *line)
{
    char *fields[MOST_FIELDS] = {NULL};
    size_t count = 0, values;

    while (line && count < MOST_FIELDS)
        fields[count++] = strsep(&line, "\t");
    if (line)
        die(line, "these are too many fields");
    values = count > 2 ? count - 2 : 0;
    if (strcmp(fields[0], "provider") == 0 && count == 2)
        make_provider(fields[1]);
    else if (strcmp(fields[0], "add") == 0 && count == 3)
        add(fields[1], fields[2]);
    else if (strcmp(fields[0], "load") == 0)
        change(rst_provider_load);
    else if (strcmp(fields[0], "unload") == 0)
        change(rst_provider_unload);
    else if (strcmp(fields[0], "path") == 0 && count == 2)
        say_path(fields[1]);
    else if (strcmp(fields[0], "enabled") == 0 && count == 2)
        printf("ok %s\n", rst_probe_enabled(probe_named(fields[1])) ? "true" : "false");
    else if (strcmp(fields[0], "fire") == 0 && count >= 2)
        fire(fields[1], fields + 2, values);
    else if (strcmp(fields[0], "lazy") == 0 && count >= 2)
        fire_lazily(fields[1], fields + 2, values);
    else if (strcmp(fields[0], "pid") == 0)
        printf("ok %d\n", (int)getpid());
    else if (strcmp(fields[0], "quit") == 0)
        return false;
    else
        die(fields[0], "this is not a command with that many fields");
    return true;
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length;

    setvbuf(stdout, NULL, _IOLBF, 0);
    while ((length = getline(&line, &size, stdin)) > 0) {
        if (line[length - 1] == '\n')
            line[length - 1] = '\0';
        if (!obey(line))
            break;
    }
    free(line);
    rst_provider_free(provider);
    return 0;
}
