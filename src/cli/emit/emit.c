/* SPDX-License-Identifier: MIT */
/*
 * rst emit: write the image of some probes to a file.
 */
#include "cli/emit/emit.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/command.h"
#include "cli/base/text.h"
#include "error.h"
#include "image/image.h"

static const char help[] =
    "Usage: rst emit PROVIDER 'PROBE(SIGNATURE)'... -o FILE [--arch NAME] [--nop BYTES]\n"
    "Write the ELF image that librst would make for a program with these probes.\n"
    "\n"
    "  -o, --output FILE  the file to write; \"-\" is standard output\n"
    "  -a, --arch NAME    the CPU that the image is for: x86_64\n"
    "  -n, --nop BYTES    the length of the instruction at each site: 1 (the default, for every\n"
    "                     kernel), 5 or 10; 'rst check' says what suits this kernel\n"
    "  -h, --help         show this text\n"
    "\n"
    "A SIGNATURE is what rst_provider_add(3) takes: up to twelve 'TYPE NAME', with commas. The\n"
    "same names and signatures give the same bytes on every machine. An existing FILE is replaced\n"
    "when the new one is complete, or left as it was.\n"
    "\n"
    "Examples:\n"
    "    rst emit shop 'checkout(uint64 order, string customer)' 'closed()' -o shop.so\n"
    "    rst emit shop 'checkout(uint64 order)' -o - | sha256sum\n";

static const char *const nops[RST_NOPS] = {[RST_NOP1] = "1", [RST_NOP5] = "5", [RST_NOP10] = "10"};

struct emit_job {
    const char *output;
    enum rst_nop nop;
    const char *provider;
    struct rst_description *probes;
    char **plain; /* the signatures' plain forms */
    size_t count;
};

static enum status choose_arch(const char *name)
{
    if (strcmp(name, rst_arch_x86_64.name) == 0)
        return STATUS_GOOD;
    return say_usage("emit", "--arch %s is unknown; use %s", rst_quote(name).text,
                     rst_arch_x86_64.name);
}

static enum status choose_nop(struct emit_job *job, const char *name)
{
    for (enum rst_nop i = 0; i < RST_NOPS; i++)
        if (strcmp(nops[i], name) == 0) {
            job->nop = i;
            return STATUS_GOOD;
        }
    return say_usage("emit", "--nop %s: use 1, 5 or 10", rst_quote(name).text);
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

    while (status == STATUS_GOOD && (option = next_option(count, words, "o:a:n:", known)) != -1) {
        if (option == 'o')
            job->output = optarg;
        else if (option == 'a')
            status = choose_arch(optarg);
        else if (option == 'n')
            status = choose_nop(job, optarg);
        else
            status = say_bad_option("emit", option, words);
    }
    return status;
}

/* Parse "checkout(uint64 order)", which is split in place. Gives 0 or a negative errno. */
static int parse_probe(char *word, struct rst_description *ret, char **ret_plain)
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
    ret->name = word;
    *ret_plain = sure(malloc(rst_signature_room(signature)));
    error = rst_signature_parse(signature, *ret_plain, &ret->signature);
    return error < 0 ? rst_fail(-error, "probe %s: %s", word, rst_error()) : 0;
}

static enum status parse_words(int count, char **words, struct emit_job *job)
{
    if (count < 2)
        return say_usage("emit", "name a PROVIDER and at least one 'PROBE(SIGNATURE)'");
    if (!job->output)
        return say_usage("emit", "give -o FILE; \"-\" is standard output");
    if (rst_name_check("the provider's name", words[0], RST_MAX_PROVIDER_NAME) < 0)
        return say_usage("emit", "%s", rst_error());
    job->provider = words[0];
    job->count = (size_t)count - 1;
    job->probes = sure(calloc(job->count, sizeof(*job->probes)));
    job->plain = sure(calloc(job->count, sizeof(char *)));
    for (size_t i = 0; i < job->count; i++) {
        if (parse_probe(words[1 + i], &job->probes[i], &job->plain[i]) < 0)
            return say_usage("emit", "%s", rst_error());
        for (size_t j = 0; j < i; j++)
            if (strcmp(job->probes[i].name, job->probes[j].name) == 0)
                return say_usage("emit", "probe %s is given twice", job->probes[i].name);
    }
    return STATUS_GOOD;
}

static enum status emit(const struct emit_job *job)
{
    const struct rst_description **probes = sure(calloc(job->count, sizeof(void *)));
    const struct rst_image_spec spec = {&rst_arch_x86_64, job->nop, job->provider, probes,
                                        job->count};
    struct rst_image image = {0};
    int error;

    for (size_t i = 0; i < job->count; i++)
        probes[i] = &job->probes[i];
    error = rst_image_make(&spec, &image);
    if (error == 0)
        error = output_write(job->output, image.bytes, image.size);
    free(image.bytes);
    free(probes);
    return error < 0 ? say_failure(error) : STATUS_GOOD;
}

static enum status run(int count, char **words)
{
    struct emit_job job = {.nop = RST_NOP1};
    enum status status = parse_options(count, words, &job);

    if (status == STATUS_GOOD)
        status = parse_words(count - optind, words + optind, &job);
    if (status == STATUS_GOOD)
        status = emit(&job);
    for (size_t i = 0; i < job.count; i++)
        free(job.plain[i]);
    free(job.plain);
    free(job.probes);
    return status;
}

const struct command emit_command = {"emit", "write the image of some probes to a file", help, run};
