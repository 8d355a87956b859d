# SPDX-License-Identifier: MIT
"""A tracer made with bcc: bcc_watcher.py PID {PROVIDER:PROBE KINDS}...

KINDS are the types of the arguments, separated by commas. For each hit it prints

    PROVIDER:PROBE VALUE ...             in 64 bits
    PROVIDER:PROBE text INDEX TEXT       for each string, in hexadecimal

until its input ends. It runs in the Python for which Debian builds bcc.
"""

import sys
import threading

from bcc import BPF, USDT, __version__

C_TYPES = {"bool": "uint8_t", "float": "uint32_t", "double": "uint64_t"}
C_TYPES |= {"pointer": "uint64_t", "string": "uint64_t"}

PROGRAM_START = """
struct hit { u32 probe; s32 index; s64 values[12]; s32 text_size; char text[160]; };
BPF_PERF_OUTPUT(hits);
"""
HIT = """
int watch_{probe}(struct pt_regs *ctx)
{{
    struct hit hit = {{}};
    hit.probe = {probe};
    hit.index = -1;
    {values}
    hits.perf_submit(ctx, &hit, sizeof(hit));
    {texts}
    return 0;
}}
"""
VALUE = "{{ {c_type} value = 0; bpf_usdt_readarg({number}, ctx, &value); {store} }}\n"
TEXT = """
    hit.index = {index};
    hit.text_size = bpf_probe_read_user_str(hit.text, sizeof(hit.text),
                                              (void *)hit.values[{index}]);
    hits.perf_submit(ctx, &hit, sizeof(hit));
"""


def hit(probe, kinds):
    """The function that is called at a probe. It sends all values, then each string."""
    values = "".join(
        VALUE.format(
            c_type=C_TYPES.get(kind, f"{kind}_t"),
            number=index + 1,
            store=f"hit.values[{index}] = value;",
        )
        for index, kind in enumerate(kinds)
    )
    texts = "".join(TEXT.format(index=i) for i, kind in enumerate(kinds) if kind == "string")
    return HIT.format(probe=probe, values=values, texts=texts)


def main():
    pid, words = int(sys.argv[1]), sys.argv[2:]
    probes = [(name, kinds.split(",") if kinds else []) for name, kinds in zip(*[iter(words)] * 2)]
    usdt = USDT(pid=pid)
    program = PROGRAM_START
    for number, (name, kinds) in enumerate(probes):
        usdt.enable_probe_or_bail(name, f"watch_{number}")
        program += hit(number, kinds)
    bpf = BPF(text=program, usdt_contexts=[usdt])
    hits = bpf["hits"]

    def say(_cpu, data, _size):
        hit = hits.event(data)
        name, kinds = probes[hit.probe]
        if hit.index < 0:
            print(name, *(value & (1 << 64) - 1 for value in hit.values[: len(kinds)]))
        else:
            print(name, "text", hit.index, hit.text[: max(hit.text_size - 1, 0)].hex())

    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    hits.open_perf_buffer(say, page_cnt=256)
    print("watching with bcc", __version__, flush=True)
    while not ended.is_set():
        bpf.perf_buffer_poll(timeout=50)
    bpf.perf_buffer_poll(timeout=0)


if __name__ == "__main__":
    main()
