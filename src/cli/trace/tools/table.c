/* SPDX-License-Identifier: MIT */
#include "cli/trace/tools/tool.h"

#define TRACEFS "/sys/kernel/tracing"

/*
 * Commands that create, or remove, a kernel event for each site. They use printf, because some
 * shells' echo changes "\\5".
 */
#define ADD_EVENTS(prefix)                                                                         \
    "<sites>printf '%s\\n' 'p:" prefix "<group>/<event> <path>:<site><fetches>' >> " TRACEFS       \
    "/uprobe_events\n</>"
#define REMOVE_EVENTS(prefix)                                                                      \
    "<sites>printf '%s\\n' '-:" prefix "<group>/<event>' >> " TRACEFS "/uprobe_events\n</>"

const struct tool tool_table[TOOLS] = {
    {
        .name = "bpftrace",
        .title = "bpftrace",
        .numbered = true,
        .whole = true,
        /* Each argument has a printf() of its own, because of the small stack of old versions. */
        .script =
            "BPFTRACE_STRLEN=<strlen> BPFTRACE_MAX_STRLEN=<max-strlen> bpftrace --no-warnings -e "
            "<word>\n"
            "<probes>usdt:\"<path>\":<provider>:<probe><predicate>\n{\n"
            "<filter>    if (<condition>) {\n</>"
            "<events>    printf(\"%d <provider>:<probe>\", tid);\n"
            "<readable>    printf(\" <arg>=<form>\", <value>);\n</>"
            "<stack>    printf(\"%s\", ustack);\n</>"
            "    printf(\"\\n\");\n</>"
            "<counts>    @[\"<provider>:<probe>\"<by>, <value></>] = "
            "<count>count()</><hist>hist(<value>)</>;\n</>"
            "<filter>    }\n</>}\n</></>\n",
        .forms = {[FORM_STRING] = "\\\"%s\\\"",
                  [FORM_DOUBLE] = "bits:0x%llx",
                  [FORM_POINTER] = "0x%llx",
                  [FORM_UNSIGNED] = "%llu",
                  [FORM_SIGNED] = "%lld"},
        .values = {[FORM_STRING] = "str(<expression>)", [FORM_SIGNED] = "<expression>"},
    },
    {
        .name = "perf",
        .title = "perf",
        .bare = true,
        .no_memfd = true,
        /*
         * Ctrl-C ends only the program that runs, and the shell goes on. perf gives the events of
         * all sites the same name, and fails at the second. The kernel's tracefs does not.
         */
        .script = "(trap : INT # arguments are arg1 and so on; strings show as their addresses\n"
                  "<files>perf buildid-cache --update <path>\n</>"
                  "<probes><single>perf probe sdt_<provider>:<probe>\n</>"
                  "<several>" ADD_EVENTS(
                      "sdt_") "</></>"
                              "perf record -o perf.data<probes><sites> -e "
                              "sdt_<group>:<event></></><pids> "
                              "# until Ctrl-C\n"
                              "perf script -i perf.data\n"
                              "<probes><single>perf probe --del sdt_<provider>:<probe>\n</>"
                              "<several>" REMOVE_EVENTS(
                                  "sdt_") "</></>"
                                          "<files>perf buildid-cache --purge <path>\n</>)\n",
    },
    {
        .name = "gdb",
        .title = "gdb",
        .all = true,
        /* gdb's printf can't print an integer's bits as a float; output/f can. */
        .script = "# Save this as FILE, then: gdb -q -p <pid> -x FILE\n"
                  "set pagination off\nset width 0\n"
                  "<probes>\nbreak -probe-stap <provider>:<probe>\ncommands\nsilent\n"
                  "printf \"<provider>:<probe>\"\n"
                  "<arguments>printf \" <arg>=<form>\n<value></>"
                  "printf \"\\n\"\ncontinue\nend\n</>\ncontinue\n",
        .forms = {[FORM_UNREADABLE] = "?\"",
                  [FORM_STRING] = "\\\"%s\\\"\", (char *)$_probe_arg<i>",
                  [FORM_DOUBLE] = "\"",
                  [FORM_POINTER] = "0x%lx\", (unsigned long)$_probe_arg<i>",
                  [FORM_UNSIGNED] = "%lu\", (unsigned long)$_probe_arg<i>",
                  [FORM_SIGNED] = "%ld\", (long)$_probe_arg<i>"},
        .values =
            {[FORM_STRING] = "", [FORM_DOUBLE] = "output/f $_probe_arg<i>\n", [FORM_POINTER] = ""},
    },
    {
        .name = "bcc",
        .title = "bcc",
        .ascii = true,
        .fragile = true,
        .exact = true,
        .script =
            "#!/usr/bin/python3\n"
            "# Save this as a file and run it as root; it needs the kernel's headers.\n"
            "import struct\n\nfrom bcc import BPF, USDT\n\n"
            "<probes>usdt<n> = USDT(<one-pid>pid=<pid>, </>path=\"<path>\")\n"
            "usdt<n>.enable_probe_or_bail(\"<provider>:<probe>\", \"on_event<n>\")\n</>"
            "bpf = BPF(usdt_contexts=[<probes>usdt<n>, </>], text=\"\"\"\n"
            "#include <uapi/linux/ptrace.h>\n\n"
            "<probes>struct event<n> {\n    u64 time;\n    u32 tid;\n    u32 unused;\n"
            "<arguments><string>    char a<i>[<room>];\n</><number>    s64 a<i>;\n</></>"
            "};\nBPF_PERF_OUTPUT(events<n>);\n\n"
            "int on_event<n>(struct pt_regs *ctx)\n{\n    struct event<n> event = {};\n"
            "<readable>    <type> v<i> = 0;\n</>"
            "\n    event.time = bpf_ktime_get_ns();\n"
            "    event.tid = bpf_get_current_pid_tgid();\n"
            "<readable>    bpf_usdt_readarg(<i1>, ctx, &v<i>);\n"
            "<string>    bpf_probe_read_user_str(event.a<i>, sizeof(event.a<i>), (void *)v<i>);\n"
            "</><number>    event.a<i> = v<i>;\n</></>"
            "    events<n>.perf_submit(ctx, &event, sizeof(event));\n    return 0;\n}\n\n</>"
            "\"\"\")\n\n\ndef text(value):\n"
            "    return ascii(value.decode(errors=\"replace\"))\n"
            "<probes>\n\ndef on_event<n>(cpu, data, size):\n"
            "    event = bpf['events<n>'].event(data)\n"
            "    print(event.tid, '<provider>:<probe>'"
            "<arguments>, '<arg>=<value></>, flush=True)\n\n\n"
            "bpf['events<n>'].open_perf_buffer(on_event<n>)\n</>"
            "\nwhile True:\n    try:\n        bpf.perf_buffer_poll()\n"
            "    except KeyboardInterrupt:\n        break\n",
        .values = {[FORM_UNREADABLE] = "?'",
                   [FORM_STRING] = "' + text(event.a<i>)",
                   [FORM_FLOAT] = "' + str(struct.unpack('f', struct.pack('I', event.a<i>))[0])",
                   [FORM_DOUBLE] = "' + str(struct.unpack('d', struct.pack('q', event.a<i>))[0])",
                   [FORM_POINTER] = "' + hex(event.a<i> % 2**64)",
                   [FORM_BOOL] = "' + str(bool(event.a<i>))",
                   [FORM_UNSIGNED] = "' + str(event.a<i> % 2**64)",
                   [FORM_SIGNED] = "' + str(event.a<i>)"},
    },
    {
        .name = "dtrace",
        .title = "DTrace",
        .by_name = true,
        .one_process = true,
        .fragile = true,
        .most_arguments = 10,
        /* DTrace takes an integer's sign from the note. copyinstr() fails at NULL. */
        .script = "dtrace -q -n '<probes><rest> </><provider><pid>:::<dashed> { "
                  "printf(\"<provider>:<probe><arguments> <arg>=<form></>\\n\""
                  "<arguments>, <value></>); }</>'\n",
        .forms = {[FORM_STRING] = "\\\"%s\\\"",
                  [FORM_POINTER] = "0x%x",
                  [FORM_UNSIGNED] = "%u",
                  [FORM_SIGNED] = "%d"},
        .values = {[FORM_STRING] = "arg<i> ? copyinstr(arg<i>) : \"\"", [FORM_SIGNED] = "arg<i>"},
    },
    {
        .name = "tracefs",
        .title = "tracefs",
        .bare = true,
        /*
         * The events get a tracefs instance of their own, so that no others are mixed in. The
         * commands are in brackets, so that Ctrl-C ends only the command inside, and the shell goes
         * on to clean up, whether the commands are typed or in a file.
         */
        .script = "(trap : INT\n"
                  "mountpoint -q " TRACEFS " || mount -t tracefs tracefs " TRACEFS "\n"
                  "<probes>" ADD_EVENTS(
                      "") "</>mkdir " TRACEFS "/instances/rst\n"
                          "<one-pid>ls /proc/<pid>/task > " TRACEFS "/instances/rst/set_event_pid\n"
                          "echo 1 > " TRACEFS "/instances/rst/options/event-fork\n</>"
                          "<probes><sites>echo 1 > " TRACEFS
                          "/instances/rst/events/<group>/<event>/enable\n</></>"
                          "cat " TRACEFS "/instances/rst/trace_pipe # until Ctrl-C\n"
                          "rmdir " TRACEFS "/instances/rst\n<probes>" REMOVE_EVENTS("") "</>)\n",
    },
};
