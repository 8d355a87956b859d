/* SPDX-License-Identifier: MIT */
/*
 * --for bcc: prints a program in Python, with one in C inside, that shows every hit.
 */
#include <stdio.h>

#include "cli/trace/tools.h"

#define BCC_STRING 128 /* bytes; the stack of 512 holds three; longer strings are cut */

static size_t bcc_string_size(const struct trace_probe *probe)
{
    size_t strings = 0;

    for (size_t i = 0; i < probe->argument_count; i++)
        strings += probe->arguments[i].kind == TRACE_STRING;
    return strings > 2 ? 320 / strings & ~(size_t)7 : BCC_STRING;
}

/* bcc needs a variable of the size of the widest operand. */
static bool is_readable(const struct trace_argument *argument)
{
    return !argument->unreadable && argument->size == argument->widest;
}

static void print_bcc_struct(const struct trace_probe *probe, size_t number)
{
    printf("struct event%zu {\n    u64 time;\n    u32 tid;\n    u32 unused;\n", number);
    for (size_t i = 0; i < probe->argument_count; i++)
        if (probe->arguments[i].kind == TRACE_STRING)
            printf("    char a%zu[%zu];\n", i, bcc_string_size(probe));
        else
            printf("    s64 a%zu;\n", i);
    printf("};\nBPF_PERF_OUTPUT(events%zu);\n\n", number);
}

static void print_bcc_function(const struct trace_probe *probe, size_t number)
{
    printf("int on_event%zu(struct pt_regs *ctx)\n{\n    struct event%zu event = {};\n", number,
           number);
    for (size_t i = 0; i < probe->argument_count; i++)
        if (is_readable(&probe->arguments[i]))
            printf("    %c%d v%zu = 0;\n", probe->arguments[i].is_signed ? 's' : 'u',
                   8 * probe->arguments[i].size, i);
    printf("\n    event.time = bpf_ktime_get_ns();\n    event.tid = bpf_get_current_pid_tgid();\n");
    for (size_t i = 0; i < probe->argument_count; i++) {
        if (!is_readable(&probe->arguments[i]))
            continue;
        printf("    bpf_usdt_readarg(%zu, ctx, &v%zu);\n", i + 1, i);
        if (probe->arguments[i].kind == TRACE_STRING)
            printf("    bpf_probe_read_user_str(event.a%zu, sizeof(event.a%zu), (void *)v%zu);\n",
                   i, i, i);
        else
            printf("    event.a%zu = v%zu;\n", i, i);
    }
    printf("    events%zu.perf_submit(ctx, &event, sizeof(event));\n    return 0;\n}\n\n", number);
}

static void print_bcc_value(const struct trace_argument *argument)
{
    const char *before = "", *after = "";

    switch (argument->kind) {
    case TRACE_STRING:
        before = "text(", after = ")";
        break;
    case TRACE_DOUBLE:
        before = "struct.unpack('d', struct.pack('q', ", after = "))[0]";
        break;
    case TRACE_FLOAT:
        before = "struct.unpack('f', struct.pack('I', ", after = "))[0]";
        break;
    case TRACE_POINTER:
        before = "hex(", after = " % 2**64)";
        break;
    case TRACE_BOOL:
        before = "bool(", after = ")";
        break;
    case TRACE_INTEGER:
        after = argument->is_signed ? "" : " % 2**64";
    }
    printf("%sevent.a%zu%s", before, argument->index, after);
}

static void print_bcc_handler(const struct trace_probe *probe, size_t number)
{
    printf("\n\ndef on_event%zu(cpu, data, size):\n"
           "    event = bpf['events%zu'].event(data)\n"
           "    print(event.tid, '%s:%s'",
           number, number, probe->provider, probe->name);
    for (size_t i = 0; i < probe->argument_count; i++) {
        if (!is_readable(&probe->arguments[i])) {
            printf(", '%s=?'", probe->arguments[i].name);
            continue;
        }
        printf(", '%s=' + str(", probe->arguments[i].name);
        print_bcc_value(&probe->arguments[i]);
        printf(")");
    }
    printf(", flush=True)\n\n\nbpf['events%zu'].open_perf_buffer(on_event%zu)\n", number, number);
}

enum status trace_for_bcc(const struct trace *trace)
{
    printf("#!/usr/bin/python3\n"
           "# Save this as a file and run it as root; it needs the kernel's headers.\n"
           "import struct\n\nfrom bcc import BPF, USDT\n\n");
    for (size_t i = 0; i < trace->probe_count; i++) {
        const struct trace_probe *probe = &trace->probes[i];

        if (trace->one_pid)
            printf("usdt%zu = USDT(pid=%ld, path=\"%s\")\n", i, (long)trace->one_pid, probe->path);
        else
            printf("usdt%zu = USDT(path=\"%s\")\n", i, probe->path);
        printf("usdt%zu.enable_probe_or_bail(\"%s:%s\", \"on_event%zu\")\n", i, probe->provider,
               probe->name, i);
    }
    printf("bpf = BPF(usdt_contexts=[");
    for (size_t i = 0; i < trace->probe_count; i++)
        printf("usdt%zu, ", i);
    printf("], text=\"\"\"\n#include <uapi/linux/ptrace.h>\n\n");
    for (size_t i = 0; i < trace->probe_count; i++)
        print_bcc_struct(&trace->probes[i], i);
    for (size_t i = 0; i < trace->probe_count; i++)
        print_bcc_function(&trace->probes[i], i);
    printf("\"\"\")\n\n\ndef text(value):\n    return ascii(value.decode(errors=\"replace\"))\n");
    for (size_t i = 0; i < trace->probe_count; i++)
        print_bcc_handler(&trace->probes[i], i);
    printf("\nwhile True:\n    try:\n        bpf.perf_buffer_poll()\n"
           "    except KeyboardInterrupt:\n        break\n");
    return STATUS_GOOD;
}
