# SPDX-License-Identifier: MIT
"""bpftrace as an independent witness: on one program, `rst trace` must report what it reports.

All kinds of trace run at the same time as one bpftrace, so every one sees the same fires.
"""

import collections
import json
import re
import signal

import harness
import tracing

FIRES = 500
FILTER = 'id > 1100 && customer == "Ada" && cents < 0'
FRAMES = 6
# bpftrace's histogram has one bucket for all negative numbers, so it is shown an unsigned one.
SCRIPT = """
usdt:%(path)s:shop:order {
    printf("event %%lu %%s %%ld %%lu %%d\\n", arg0, str(arg1), arg2, arg3, tid);
    @hits = count(); @ids = hist(arg0); @cents[arg2] = count(); @customers[str(arg1)] = count();
    @sums[str(arg1)] = sum(arg0); @averages[str(arg1)] = avg(arg0); @highest[str(arg1)] = max(arg0);
    @stacks[ustack(%(frames)d)] = count();
}
usdt:%(path)s:shop:order /arg0 > 1100 && str(arg1) == "Ada" && (int64)arg2 < 0/ {
    printf("chosen %%lu\\n", arg0);
}
interval:ms:50 { printf("tick\\n"); }
"""


def up_to_main(functions):
    """The C library's frames below have names only where its symbols are installed."""
    functions = tuple(functions)
    return functions[: functions.index("main") + 1]


class WitnessTest(tracing.TraceCase):
    def setUp(self):
        super().setUp()
        self.need_commands("bpftrace")

    def start_bpftrace(self, target):
        script = SCRIPT % {"path": target.path("shop"), "frames": FRAMES}
        tool = self.tool("bpftrace", "-p", target.pid, "-f", "json", "-e", script)
        self.attach(target, tool, "shop:order")  # a tick may come before
        tool.wait_for(r'"tick')
        return tool

    @staticmethod
    def said_by_bpftrace(tool):
        """Its printed lines, and its maps."""
        printed, maps = [], {}
        for line in tool.lines.seen:
            if not line.startswith("{"):
                continue
            said = json.loads(line)
            if said["type"] == "printf":
                printed += said["data"].split("\n")
            elif said["type"] in ("map", "hist", "stats"):
                maps.update(said["data"])
        return printed, maps

    def objects(self, tool):
        return [json.loads(line) for line in self.stop(tool)]

    def test_reports_what_bpftrace_reports(self):
        target = self.target()
        witness = self.start_bpftrace(target)  # first, for then the semaphore tells when it watches
        order = "-p", target.pid, "shop:order"
        events = self.trace(*order, "--json")
        chosen = self.trace(*order, "--json", "-f", FILTER)
        hits = self.trace(*order, "--json", "--count")
        ids = self.trace(*order, "--json", "--hist", "id")
        sums = self.trace(*order, "--json", "--hist", "id", "--by", "customer")
        cents = self.trace(*order, "--json", "--by", "cents")
        customers = self.trace(*order, "--json", "--by", "customer")
        stacks = self.trace(*order, "--json", "--stack")
        target.fire("shop:order", FIRES)

        def witnessed(lines):
            return sum('"event ' in line for line in lines)

        witness.wait_until(lambda lines: witnessed(lines) >= FIRES)
        witness.wait_for(r'"tick')
        witness.finish(signal.SIGINT)
        printed, maps = self.said_by_bpftrace(witness)

        seen = [
            "event {} {} {} {} {}".format(
                hit["args"]["id"],
                hit["args"]["customer"],
                hit["args"]["cents"],
                tracing.double_bits(hit["args"]["weight"]),
                hit["tid"],
            )
            for hit in self.events(events, FIRES)
        ]
        self.assertEqual(seen, [line for line in printed if line.startswith("event ")])
        self.assertEqual(len(seen), FIRES)

        seen = [f"chosen {hit['args']['id']}" for hit in self.objects(chosen)]
        self.assertEqual(seen, [line for line in printed if line.startswith("chosen ")])
        self.assertGreater(len(seen), 0)

        self.assertEqual([line["count"] for line in self.objects(hits)], [maps["@hits"]])

        (hist,) = self.objects(ids)
        self.assertEqual(
            [(bucket["from"], bucket["to"], bucket["count"]) for bucket in hist["buckets"]],
            [(bucket["min"], bucket["max"], bucket["count"]) for bucket in maps["@ids"] if bucket["count"]],
        )

        groups = {group["by"]["customer"]: group for group in self.objects(sums)}
        for name, key in (("total", "@sums"), ("average", "@averages"), ("highest", "@highest")):
            said = {customer: int(group[name]) for customer, group in groups.items()}
            self.assertEqual(said, maps[key], key)
        totals = [group["total"] for group in groups.values()]
        self.assertEqual(totals, sorted(totals, reverse=True))

        for tool, name, key in ((cents, "cents", "@cents"), (customers, "customer", "@customers")):
            counts = {str(line["by"][name]): line["count"] for line in self.objects(tool)}
            self.assertEqual(counts, maps[key])

        seen = collections.Counter(
            up_to_main(frame.get("function") for frame in hit["stack"][:FRAMES])
            for hit in self.events(stacks, FIRES)
        )
        want = collections.Counter()
        for stack, count in maps["@stacks"].items():
            functions = re.findall(r"^\s*([^+\s]+)\+", stack, re.MULTILINE)
            want[up_to_main(functions)] += count
        self.assertEqual(seen, want)


if __name__ == "__main__":
    harness.main()
