# SPDX-License-Identifier: MIT
"""./check builds and tests as the user who calls it, and only what tests skip then as root.

By a meson, a ninja and a sudo that say in a log how they were called.
"""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(os.environ["SOURCE_ROOT"])
SAY = r"""#!/bin/sh
echo "${0##*/}: root=${FAKE_ROOT-no} require=${RST_REQUIRE_TRACERS-} $*" >>"$CALLS"
"""
MESON = (
    SAY.replace("/bin/sh", "/bin/bash")
    + r"""
case "$1" in
setup)
    for build; do :; done
    mkdir -p "$build/meson-logs"
    : >"$build/build.ninja"
    ;;
test)
    [ -z "${MESON_SAYS-}" ] || { echo "$MESON_SAYS"; exit; }
    [ -z "${LOCK-}" ] || { flock -n -E 9 "$LOCK" true; echo "lock: $?" >>"$CALLS"; }
    for ((i = 0; i < ${WAIT_FOR_SUDO-0}; i++)); do
        ! grep -q '^-n -v' "$CALLS.sudo" || break
        sleep 0.05
    done
    base=testlog skipped="skipped: ${MESON_SKIPS-it takes root}"
    while [ $# -gt 0 ]; do
        case $1 in
        -C) build=$2 ;;
        --logbase) base=$2 ;;
        --wrapper) wrapper=${2%% *} wrapper=-${wrapper##*/} ;;
        esac
        shift
    done
    [ "$base" = testlog ] || skipped='it ran'
    [ "${FAKE_ROOT-no}" = no ] || skipped='it ran'
    printf '{"name": "librst:load / attach", "result": "OK", "stdout": "%s"}\n' "$skipped" \
        >"$build/meson-logs/$base${wrapper-}.json"
    printf '{"name": "librst:load / %s", "result": "OK", "stdout": "it ran"}\n' life stubs readers elflint \
        >>"$build/meson-logs/$base${wrapper-}.json"
    printf '%s\n' \
        "${MESON_LOG-}" >>"$build/meson-logs/$base${wrapper-}.json"
    echo "Ok:   2"
    exit "${MESON_STATUS-0}"
    ;;
esac
"""
)
SUDO = r"""#!/bin/sh
echo "$*" >>"$CALLS.sudo"
[ "$1" != -n ] || shift
[ -n "$SUDO_WORKS" ] || exit 1
FAKE_ROOT=yes exec "$@"
"""
ID = r"""#!/bin/sh
[ "$FAKE_ROOT" != yes ] || { echo 0; exit; }
case $1 in
-u) echo 1234 ;;
-g) echo 5678 ;;
esac
"""


class Check(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name)
        self.checkout = self.root / "checkout"
        shutil.copytree(SOURCE / ".ci", self.checkout / ".ci")
        shutil.copy(SOURCE / "check", self.checkout)
        for part in ("cross", "musl", "vm"):
            shutil.copytree(SOURCE / "tests" / part, self.checkout / "tests" / part)
        (self.checkout / "tests/cross/root.sh").write_text(SAY + 'mkdir -p "$2"; : >"$2.lock"\n')
        (self.checkout / "tests/musl/root.sh").write_text(SAY + 'mkdir -p "$1"; : >"$1.lock"\n')
        with open(self.checkout / ".ci/packages.sh", "a", encoding="utf-8") as script:
            script.write("need() { :; }\n")  # nothing lacks here
        self.commands = self.root / "commands"
        self.commands.mkdir()
        mirror = "#!/bin/sh\necho http://deb.example/debian bookworm\n"
        scripts = {"meson": MESON, "apt-get": mirror, "ninja": SAY, "chown": SAY, "git": SAY, "sudo": SUDO, "id": ID}
        for name, script in {**scripts, "clang": "#!/bin/sh\necho 14\n"}.items():
            (self.commands / name).write_text(script)
            (self.commands / name).chmod(0o755)

    def change_check(self, old, new):
        script = self.checkout / "check"
        self.assertIn(old, script.read_text())
        script.write_text(script.read_text().replace(old, new))

    def check(self, *steps, **environment):
        """Gives its status, what it said, and the calls of meson, ninja, chown and root.sh."""
        calls = self.root / "calls"
        calls.write_text("")
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("RST_", "MESON_"))}
        done = subprocess.run(
            [self.checkout / "check", *steps],
            env={
                **keep,
                "PATH": f"{self.commands}:{os.environ['PATH']}",
                "CALLS": str(calls),
                "SUDO_WORKS": "",
                "RST_REQUIRE_TRACERS": "1",
                "RST_CACHE": str(self.root / "cache"),
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        said = [line for line in calls.read_text().splitlines() if not line.startswith("git:")]
        return done.returncode, done.stdout, said

    def assert_call(self, call, start, *words):
        self.assertTrue(call.startswith(start), call)
        for word in words:
            self.assertIn(word, call)

    def test_what_is_skipped_runs_once_more_by_sudo(self):
        status, said, calls = self.check("clang", SUDO_WORKS="yes")
        self.assertEqual(status, 0, said)
        self.assertEqual(len(calls), 5, calls)
        self.assert_call(calls[0], "meson: root=no", " setup ")
        self.assert_call(calls[1], "ninja: root=no")
        self.assert_call(calls[2], "meson: root=no require= ", "--suite unit --suite load")
        self.assert_call(calls[3], "meson: root=yes require=1 ", "--logbase testlog-root attach")
        self.assertNotIn("life", calls[3])
        self.assert_call(calls[4], "chown: root=yes", f"--from=root 1234:5678 {self.checkout}/build-check")
        self.assertNotIn("skipped", said)

    def test_coverage_counts_what_root_runs_too(self):
        report = self.checkout / "tests/coverage/report.py"
        report.parent.mkdir(parents=True)
        report.write_text("#!/bin/sh\necho '| all |'\n")
        report.chmod(0o755)
        status, said, calls = self.check("coverage", SUDO_WORKS="yes")
        self.assertEqual(status, 0, said)
        self.assert_call(calls[2], "meson: root=no require= ", "/coverage/apart.sh", "--suite faults")
        self.assert_call(calls[3], "meson: root=yes require=1 ", "/coverage/apart.sh", " attach")
        self.assertIn("        | all |\n", said)

    def test_without_sudo_it_says_why_tests_were_skipped(self):
        status, said, calls = self.check("clang")
        self.assertEqual(status, 0, said)
        self.assertEqual(len(calls), 3, calls)
        self.assert_call(calls[2], "meson: root=no require=1 ")
        self.assertIn("\n        skipped: 1 x it takes root\n", said)

    def test_root_runs_all_at_once(self):
        status, said, calls = self.check("clang", FAKE_ROOT="yes")
        self.assertEqual(status, 0, said)
        self.assertEqual(len(calls), 3, calls)
        self.assert_call(calls[2], "meson: root=yes require=1 ")

    def test_a_suite_that_fails_is_its_failure(self):
        status, said, calls = self.check("clang", SUDO_WORKS="yes", MESON_STATUS="1")
        self.assertEqual(status, 1, said)
        self.assertIn("failed: clang-test clang-root", said)
        self.assert_call(calls[-1], "chown: root=yes")

    def test_the_end_of_what_failed_is_shown_once_more_at_the_end(self):
        _, said, _ = self.check("clang", "format", MESON_STATUS="1")
        self.assertIn("    | Ok:   2\n", said[: said.index("format")])
        self.assertIn("\n\nclang-test:\n    | Ok:   2\n", said[said.index("format") :])

    def test_a_log_that_cannot_be_read_is_a_failure(self):
        for works in ("yes", ""):
            status, said, _ = self.check("clang", SUDO_WORKS=works, MESON_LOG="{")
            self.assertEqual(status, 1, said)
            self.assertIn("failed: clang-test clang-skipped", said)

    def test_a_suite_without_tests_is_a_failure(self):
        status, said, _ = self.check("clang", MESON_SAYS="No suitable tests defined.")
        self.assertEqual(status, 1, said)
        self.assertIn("failed: clang-test\n", said)
        self.assertIn("        no test has run for: --suite unit --suite load", said)

    def test_a_step_that_needs_a_build_brings_it_up_to_date(self):
        status, said, calls = self.check("fuzz", "valgrind")
        self.assertEqual(status, 0, said)
        self.assertEqual([call.split()[3] for call in calls], ["setup", "-C", "test", "test"], calls)
        status, said, calls = self.check("valgrind")
        self.assertEqual(status, 0, said)
        self.assertEqual(len(calls), 2, calls)
        self.assert_call(calls[0], "ninja: ", "build-check/gcc")

    def test_a_lock_that_cannot_be_taken_is_a_failure(self):
        (self.checkout / "tests/cross/root.sh").write_text(SAY + 'mkdir -p "$2"\n')
        status, said, calls = self.check("cross", "arm")
        self.assertEqual(status, 1, said)
        self.assertIn("failed: arm-lock\n", said)
        self.assertFalse([call for call in calls if "tests/cross/arm.ini" in call], calls)

    def test_what_is_named_twice_is_done_once(self):
        self.assertEqual(self.cross("tidy", "cross", "arm", "arm", "tidy")[:2], ["tidy cross", "arm"])

    def test_what_only_root_can_do_is_required(self):
        status, said, _ = self.check("musl")
        self.assertEqual(status, 1, said)
        self.assertIn("        skipped: musl-in-root, which takes root\n", said)
        self.assertIn("failed: musl-in-root", said)
        status, said, _ = self.check("musl", RST_REQUIRE_TRACERS="")
        self.assertEqual(status, 0, said)

    def test_a_step_that_cannot_begin_is_a_failure(self):
        status, said, _ = self.check("vm", RST_CACHE="/dev/null/cache", SUDO_WORKS="yes")
        self.assertEqual(status, 1, said)
        self.assertIn("failed: vm\n", said)

    def test_cross_takes_a_debian_mirror(self):
        (self.commands / "apt-get").write_text("#!/bin/sh\n")
        status, said, calls = self.check("cross")
        self.assertEqual((status, calls), (1, []), said)
        self.assertIn("skipped: cross, whose root directories take", said)
        self.assertEqual(self.check("cross", RST_REQUIRE_TRACERS="")[0], 0)

    def test_a_path_with_a_blank_is_refused(self):
        self.checkout = self.checkout.rename(self.root / "check out")
        status, said, calls = self.check("clang")
        self.assertEqual((status, calls), (1, []), said)
        self.assertIn(f'this clone is in "{self.checkout}"; move it', said)

    def test_a_relative_cache_is_from_where_the_caller_is(self):
        self.change_check("    need_packages\n", '    echo "$cache"; exit\n')
        said = self.check("cross", RST_CACHE="some/../where")[1]
        self.assertEqual(said.strip(), str(Path.cwd() / "where"))

    def test_sudo_is_asked_again_before_it_forgets(self):
        script = self.checkout / ".ci/packages.sh"
        self.assertIn("read -r -t 60\n", script.read_text())
        script.write_text(script.read_text().replace("read -r -t 60\n", "read -r -t 0.1\n"))
        # Its end closes the output that this waits for: what asks has ended with it.
        status, said, _ = self.check("clang", SUDO_WORKS="yes", WAIT_FOR_SUDO="600")
        self.assertEqual(status, 0, said)
        self.assertIn("-n -v\n", (self.root / "calls.sudo").read_text())

    def test_a_machine_takes_root(self):
        status, said, calls = self.check("vm")
        self.assertEqual((status, calls), (1, []), said)
        self.assertIn("skipped: vm, which takes root", said)

    def cross(self, *words, **environment):
        """Have ./check say what it would run, and what for."""
        self.change_check(
            '    need_packages\n', '    echo "${wanted[*]}; ${wanted_cpus[*]}; ${cross_suites[*]}"; exit\n'
        )
        return self.check(*words, **environment)[1].strip().split("; ")

    def test_the_default_has_what_is_quick_of_aarch64(self):
        steps, cpus, suites = self.cross()
        self.assertIn(" cross ", steps)
        self.assertTrue(steps.endswith(" clean"), steps)
        self.assertNotIn("coverage", steps)
        self.assertEqual((cpus, suites), ("aarch64", "cross unit load"))

    def test_all_is_every_step_and_every_cpu(self):
        every = " ".join(path.stem for path in sorted((SOURCE / "tests/cross").glob("*.ini")))
        steps, cpus, suites = self.cross("--all")
        script = (self.checkout / "check").read_text().splitlines()
        there = {line[5:].split("(")[0] for line in script if line.startswith("step_")}
        self.assertEqual(set(steps.split()), there)
        self.assertEqual(len(steps.split()), len(there))
        self.assertTrue(steps.endswith(" clean"), steps)
        self.assertEqual(sorted([*cpus.split(), "common"]), every.split())
        self.assertEqual(suites, "cross unit load threads faults")

    def test_cpus_may_be_named(self):
        seen = self.cross("cross", "arm", "s390x")
        self.assertEqual(seen, ["cross", "arm s390x", "cross unit load threads faults"])

    def test_cross_builds_in_the_root_directory_of_the_cache(self):
        status, said, calls = self.check("cross", "arm", MESON_SKIPS="qemu-user has no ptrace(2)")
        self.assertEqual(status, 0, said)
        calls = [call for call in calls if "arm" in call]
        self.assert_call(calls[0], "root.sh: ", f"arm {self.root}/cache/cross/arm")
        self.assert_call(calls[1], "meson: ", " setup ", "tests/cross/common.ini", "tests/cross/arm.ini")
        root = (self.checkout / "build-check/arm.ini").read_text()
        self.assertIn(f"root = '{self.root}/cache/cross/arm'", root)
        self.assert_call(calls[3], "meson: root=no require= ", "--suite=cross", "--suite=faults")
        self.assertIn("\n        skipped: 1, for different reasons: 1\n", said)
        log = (self.checkout / "build-check/arm-skipped.log").read_text()
        self.assertIn("attach: qemu-user has no ptrace(2)\n", log)

    def test_a_root_directory_is_held_while_it_is_used(self):
        lock = self.root / "cache/cross/arm.lock"
        calls = self.check("cross", "arm", "s390x", LOCK=str(lock))[2]
        # flock says 66 of what is not there yet.
        self.assertEqual([call for call in calls if call.startswith("lock")], ["lock: 66", "lock: 9", "lock: 0"])
        self.assertEqual(subprocess.run(["flock", "-n", lock, "true"], check=False).returncode, 0)

    def test_what_cross_skips_for_no_known_reason_is_a_failure(self):
        status, said, _ = self.check("cross", "arm", MESON_SKIPS="there is no gdb")
        self.assertEqual(status, 1, said)
        self.assertIn("failed: arm-skipped", said)
        self.assertIn("attach: UNKNOWN: there is no gdb", said)

    def test_a_step_that_is_not_there_is_refused(self):
        status, said, calls = self.check("clang", "thorough")
        self.assertEqual((status, calls), (1, []), said)
        self.assertIn("Usage: ./check", said)

    def test_every_step_is_explained(self):
        status, said, _ = self.check("--help")
        self.assertEqual(status, 0)
        script = (self.checkout / "check").read_text()
        for line in script.splitlines():
            if line.startswith("step_"):
                self.assertRegex(said, rf"(?m)^  {line[5:].split('(')[0]} +\S")


if __name__ == "__main__":
    unittest.main(verbosity=2)
