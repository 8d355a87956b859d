/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as a file for `rst list`.
 *
 * The reader must not crash or hang. Everything that it gives must be in the file: strings,
 * offsets, and no more probes than there is room for. The shown text has no control characters.
 */
#include "../fuzz_target.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#include "cli/base/json.h"
#include "cli/base/text.h"
#include "cli/find/near.h"
#include "cli/usdt/context.h"
#include "cli/usdt/location.h"
#include "cli/usdt/usdt.h"

#define MOST_CONTEXT 256 /* where the last register is */
#define LEAST_NOTE 36    /* three words, "stapsdt", three addresses of 4 bytes, "a", "b", "" */

#define FAIL_IF(condition, ...)                                                                    \
    do {                                                                                           \
        if (condition) {                                                                           \
            fprintf(stderr, "fuzz_notes: " __VA_ARGS__);                                           \
            fputc('\n', stderr);                                                                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* An open file with the input; each time the same file. */
static int file_of(const uint8_t *data, size_t size)
{
    static int fd = -1;

    if (fd < 0)
        fd = memfd_create("fuzz_notes", MFD_CLOEXEC);
    FAIL_IF(fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size,
            "no file: errno %d", errno);
    return fd;
}

static void check_in_file(const char *text, const uint8_t *data, size_t size)
{
    FAIL_IF(!memmem(data, size, text, strlen(text) + 1), "\"%s\" is not in the file", text);
}

static void check_shown(const char *bytes, size_t size)
{
    struct text text = {0};
    mbstate_t state = {0};
    wchar_t wide;

    text_clear(&text);
    text_add_shown(&text, bytes, size);
    for (size_t at = 0, length; at < text.size; at += length) {
        length = mbrtowc(&wide, text.bytes + at, text.size - at, &state);
        FAIL_IF(length == 0 || length > text.size - at, "an invalid character is shown");
        FAIL_IF(!iswprint((wint_t)wide) || wcwidth(wide) < 1, "%#x is shown", (unsigned)wide);
    }
    FAIL_IF(text_width(text.bytes) > text.size, "wider than its bytes are many");
    FAIL_IF(strlen(text_path(bytes).text) >= sizeof(struct text_path), "a path is not closed");
    free(text.bytes);
}

/* Check the suggestions for a mistyped name, and that a probe's own name matches as a glob. */
static void check_names(const struct usdt_probe *probe)
{
    struct glob glob;
    struct near near;

    near_start(&near, "shop:order");
    near_offer(&near, probe->provider);
    near_offer(&near, probe->name);
    FAIL_IF(near.count > NEAR_WORDS, "%zu near names", near.count);
    glob_make("*:*", &glob);
    FAIL_IF(!glob_matches(&glob, probe->provider, probe->name), "not matched by *");
    glob_free(&glob);
    glob_make(probe->name, &glob);
    glob_matches(&glob, probe->provider, probe->name);
    glob_free(&glob);
}

static void check_json(const char *bytes)
{
    char *written = NULL;
    size_t length;
    struct json json = {.out = open_memstream(&written, &length)};

    FAIL_IF(!json.out, "no memory");
    json_string(&json, NULL, bytes);
    fclose(json.out);
    for (size_t i = 0; i < length; i++)
        FAIL_IF((unsigned char)written[i] < ' ' ||
                    (i > 0 && i + 1 < length && written[i] == '"' && written[i - 1] != '\\'),
                "bad JSON: %s", written);
    free(written);
}

/* On every kernel: what rst would read must be in the context. */
static void check_locations(const struct usdt_probe *probe, const struct operand *operand)
{
    for (size_t i = 0; rst_arches[i]; i++)
        for (size_t j = 0; rst_arches[j]; j++) {
            const struct context *context = context_find(rst_arches[i], rst_arches[j]);
            struct location at = location_of(context, operand, probe->site, NULL);

            FAIL_IF(at.kind == LOCATION_REGISTER && at.base == LOCATION_NO_REGISTER, "no register");
            FAIL_IF((at.base > MOST_CONTEXT && at.base != LOCATION_NO_REGISTER) ||
                        (at.index > MOST_CONTEXT && at.index != LOCATION_NO_REGISTER),
                    "a register beyond the context");
            FAIL_IF(at.relative, "a symbol that is not known");
            FAIL_IF(at.scale == 0 || at.scale > 8 || (at.scale & (at.scale - 1)) != 0, "a scale");
            FAIL_IF(at.shift != 0 && at.shift != 8, "a shift");
        }
}

static void check_arguments(const struct usdt_file *file, const struct usdt_probe *probe)
{
    const char *end = probe->operands + strlen(probe->operands);
    struct usdt_arguments arguments;

    usdt_arguments(file->machine, probe, &arguments);
    FAIL_IF(arguments.count > USDT_MOST_ARGUMENTS, "%zu arguments", arguments.count);
    for (size_t i = 0; i < arguments.count; i++) {
        const struct usdt_argument *argument = &arguments.list[i];

        FAIL_IF(argument->operand.text < probe->operands ||
                    argument->operand.text + argument->operand.length > end,
                "operand %zu is not in the note", i);
        check_locations(probe, &argument->operand);
        FAIL_IF(!argument->type || !operand_kind_names[argument->operand.kind], "no type");
        if (argument->name)
            for (size_t j = 0; j < argument->name_length; j++)
                FAIL_IF(argument->name[j] < '0' || argument->name[j] > 'z', "a name that is none");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *locale;
    struct usdt_file file;
    int error;

    if (!locale)
        locale = setlocale(LC_CTYPE, "C.UTF-8");
    FAIL_IF(!locale, "there is no locale C.UTF-8");
    error = usdt_read(file_of(data, size), "input", &file);

    if (error < 0) {
        FAIL_IF(error != -ENOEXEC && error != -EBADMSG, "errno %d: %s", -error, rst_error());
        return 0;
    }
    FAIL_IF(file.count * LEAST_NOTE > size, "%zu probes in %zu bytes", file.count, size);
    for (size_t i = 0; i < file.count; i++) {
        const struct usdt_probe *probe = &file.probes[i];

        check_in_file(probe->provider, data, size);
        check_in_file(probe->name, data, size);
        check_in_file(probe->operands, data, size);
        FAIL_IF(!*probe->provider || !*probe->name, "no name");
        FAIL_IF(probe->site >= size || probe->semaphore >= size, "an offset beyond the file");
        check_shown(probe->provider, strlen(probe->provider));
        check_json(probe->name);
        check_names(probe);
        check_arguments(&file, probe);
    }
    usdt_free(&file);
    return 0;
}
