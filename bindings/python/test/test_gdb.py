# SPDX-License-Identifier: MIT
"""gdb stops at a probe, and shows its values and who fired it."""

import re

import harness

SCRIPT = """
set pagination off
set width 0
set print inferior-events off
break -probe-stap shop:checkout
commands
silent
printf "order %ld of %s\\n", $_probe_arg0, (char *) $_probe_arg1
backtrace 4
continue
end
printf "watching\\n"
continue
"""


def test_gdb_shows_values_and_the_callers(target, gdb, tmp_path):
    one = target(
        """
        probe = rst.Provider("shop").probe("checkout", order=int, customer=str)
        probe.provider.load()
        wait()
        assert probe.fire(-7, "Grüße")
        """
    )
    one.wait_until_waiting()
    script = tmp_path / "script"
    script.write_text(SCRIPT)
    command = ["gdb", "-nx", "-q", "-batch", "-p", str(one.pid), "-x", str(script)]
    tool = harness.Tool(command, DEBUGINFOD_URLS="")
    try:
        tool.wait_for("^watching$")
        one.go_on()
        lines = tool.finish()
        one.finish()
    finally:
        tool.close()
    assert any(line.startswith("order -7 of Gr") for line in lines), tool
    frames = [line for line in lines if line.startswith("#")]
    assert re.search(r"\bshop\W+checkout\b|shop__checkout", frames[0]) and "rst_probe_fire" in frames[1], frames
    assert "fire_values" in frames[2] or "_rst" in frames[2], frames
