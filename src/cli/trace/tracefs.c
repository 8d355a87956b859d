/* SPDX-License-Identifier: MIT */
/*
 * --for tracefs: prints shell commands that create a kernel event for each site of the probes, show
 * the events, and remove them.
 */
#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/number.h"
#include "cli/trace/tools.h"
#include "error.h"

#define TRACEFS "/sys/kernel/tracing"

/* tracefs allows only letters, digits and _. */
static void print_event_name(const char *name, size_t site)
{
    for (; *name; name++)
        putchar(*name == '-' || *name == '.' ? '_' : *name);
    if (site > 0)
        printf("_%zu", site + 1);
}

/*
 * Add a fetch argument like "%di" or "+16(%bp)", without its type. Gives whether tracefs can read
 * the operand.
 */
static bool add_fetch(struct text *ret, const struct operand *operand)
{
    const char *name = trace_register_named(operand->text, operand->length), *open;
    size_t displacement;

    if (name) { /* a float is read as bits */
        text_addf(ret, "%%%s", name);
        return true;
    }
    open = memchr(operand->text, '(', operand->length);
    if (operand->kind == OPERAND_CONSTANT && is_decimal(operand->text + 1, operand->length - 1)) {
        text_addf(ret, "\\%.*s", (int)operand->length - 1, operand->text + 1);
        return true;
    }
    if (!open)
        return false;
    displacement = (size_t)(open - operand->text);
    name = trace_register_named(open + 1, operand->length - displacement - 2);
    if (!name || (displacement > 0 && !is_decimal(operand->text, displacement)))
        return false;
    text_addf(ret, "%s%.*s(%%%s)", *operand->text == '-' ? "" : "+",
              displacement ? (int)displacement : 1, displacement ? operand->text : "0", name);
    return true;
}

static void print_fetches(const struct trace_probe *probe, const struct usdt_probe *site)
{
    const char *at = site->operands;
    struct operand operand;

    for (size_t i = 0; i < probe->argument_count; i++) {
        const struct trace_argument *argument = &probe->arguments[i];
        struct text fetch = {0};

        if (!operand_next(&at, probe->source->file->machine, &operand))
            break;
        text_clear(&fetch);
        if (add_fetch(&fetch, &operand)) {
            if (argument->kind == TRACE_STRING)
                printf(" %s=+0(%s):ustring", argument->name, fetch.bytes);
            else
                printf(" %s=%s:%c%d", argument->name, fetch.bytes,
                       argument->kind == TRACE_POINTER ? 'x'
                       : operand.is_signed             ? 's'
                                                       : 'u',
                       8 * (operand_size(&operand) ? operand_size(&operand) : 8));
        }
        free(fetch.bytes);
    }
}

void trace_print_event(const struct trace_probe *probe, const char *prefix, char between,
                       size_t number)
{
    printf("%s", prefix);
    print_event_name(probe->provider, 0);
    putchar(between);
    print_event_name(probe->name, number);
}

/* The commands use printf, because some shells' echo changes "\\5". */
void trace_print_uprobes(const struct trace_probe *probe, const char *prefix)
{
    for (size_t number = 0; number < probe->site_count; number++) {
        const struct usdt_probe *site = probe->sites[number];

        printf("printf '%%s\\n' 'p:");
        trace_print_event(probe, prefix, '/', number);
        printf(" %s:0x%" PRIx64, probe->path, site->site);
        if (site->semaphore)
            printf("(0x%" PRIx64 ")", site->semaphore);
        print_fetches(probe, site);
        printf("' >> " TRACEFS "/uprobe_events\n");
    }
}

void trace_print_removals(const struct trace_probe *probe, const char *prefix)
{
    for (size_t number = 0; number < probe->site_count; number++) {
        printf("printf '%%s\\n' '-:");
        trace_print_event(probe, prefix, '/', number);
        printf("' >> " TRACEFS "/uprobe_events\n");
    }
}

static void print_enable(const struct trace_probe *probe)
{
    for (size_t number = 0; number < probe->site_count; number++) {
        printf("echo 1 > " TRACEFS "/instances/rst/events/");
        trace_print_event(probe, "", '/', number);
        printf("/enable\n");
    }
}

/*
 * The events get a tracefs instance of their own, so that no others are mixed in. The commands are
 * in brackets, so that Ctrl-C ends only the command inside, and the shell goes on to clean up,
 * whether the commands are typed or in a file.
 */
enum status trace_for_tracefs(const struct trace *trace)
{
    for (size_t i = 0; i < trace->probe_count; i++)
        if (trace->probes[i].source->file->machine != EM_X86_64) {
            say("--for tracefs works only for x86_64");
            return STATUS_FAILED;
        }
    printf("(trap : INT\n"
           "mountpoint -q " TRACEFS " || mount -t tracefs tracefs " TRACEFS "\n");
    for (size_t i = 0; i < trace->probe_count; i++)
        trace_print_uprobes(&trace->probes[i], "");
    printf("mkdir " TRACEFS "/instances/rst\n");
    if (trace->one_pid)
        printf("ls /proc/%ld/task > " TRACEFS "/instances/rst/set_event_pid\n"
               "echo 1 > " TRACEFS "/instances/rst/options/event-fork\n",
               (long)trace->one_pid);
    for (size_t i = 0; i < trace->probe_count; i++)
        print_enable(&trace->probes[i]);
    printf("cat " TRACEFS "/instances/rst/trace_pipe # until Ctrl-C\n"
           "rmdir " TRACEFS "/instances/rst\n");
    for (size_t i = 0; i < trace->probe_count; i++)
        trace_print_removals(&trace->probes[i], "");
    printf(")\n");
    return STATUS_GOOD;
}
