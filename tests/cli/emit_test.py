# SPDX-License-Identifier: MIT
"""`rst emit` writes the bytes that a program loads, and writes a file completely or not at all."""

import os
import re
import resource
import shutil
import stat
import subprocess

import command
import harness
from command import FAILED, USAGE

ORDER = "order(uint64 id, string customer, int32 cents, double weight)"
MIXED = (
    "mixed(bool cached, int8 a, int16 b, int32 c, int64 d, uint8 e, uint16 f, uint32 g, uint64 h, "
    "float ratio, double weight, string path)"
)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def limit_files():
    """Limit files to 4 KiB. Python ignores SIGXFSZ, and so do the programs that it starts."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


# As readelf names them.
CPUS = {
    "x86_64": ("Advanced Micro Devices X86-64", "ELF64", "little"),
    "aarch64": ("AArch64", "ELF64", "little"),
    "i386": ("Intel 80386", "ELF32", "little"),
    "arm": ("ARM", "ELF32", "little"),
    "riscv64": ("RISC-V", "ELF64", "little"),
    "ppc64le": ("PowerPC64", "ELF64", "little"),
    "s390x": ("IBM S/390", "ELF64", "big"),
    "loongarch64": ("LoongArch", "ELF64", "little"),
}


def readelf(*words, error=False):
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        ["readelf", *words], capture_output=True, text=True, check=True, env=environment
    )
    return done.stderr if error else done.stdout


def operands(reader, pattern, path):
    """The notes' operands, as binutils' or elfutils' program reads them."""
    done = subprocess.run([reader, "-n", path], capture_output=True, text=True, check=True)
    found = re.findall(pattern, done.stdout)
    assert len(found) == 2, done.stdout
    return found


class Emit(command.CommandTest):
    def setUp(self):
        super().setUp()
        self.place = self.directory()
        self.path = os.path.join(self.place, "shop.so")

    def emit(self, *words, **options):
        return self.rst("emit", "shop", *words, "-o", self.path, **options)

    def test_the_bytes_are_those_that_a_program_loads(self):
        target = self.target()
        loaded = read(target.path("shop"))
        emitted = []
        for nop in "1", "5", "10":
            self.emit(ORDER, MIXED, "--nop", nop, "--arch", "x86_64")
            emitted.append(read(self.path))
        self.assertEqual(len(set(emitted)), 3)
        self.assertIn(loaded, emitted)

    def test_every_cpus_image_is_read_back(self):
        for cpu, (machine, kind, order) in CPUS.items():
            with self.subTest(cpu=cpu):
                self.emit(ORDER, "closed()", "--arch", cpu)
                header = readelf("-h", self.path)
                self.assertRegex(header, rf"Class: +{kind}\n")
                self.assertRegex(header, rf"Data: .*{order} endian\n")
                self.assertRegex(header, rf"Machine: +{machine}\n")
                self.assertEqual(readelf("-a", self.path, error=True), "")
                self.assertEqual(operands("readelf", "Arguments: (.*)", self.path),
                                 operands("eu-readelf", "Args: '(.*)'", self.path))
                out = self.rst("list", self.path).out
                arguments = "uint64 id, string customer, int32 cents, double weight"
                self.assertRegex(out, rf"shop:order +{arguments} +file ")
                self.assertRegex(out, r"shop:closed +- +file ")

    def test_what_was_emitted_is_listed(self):
        self.emit(ORDER, "closed()", "opened")
        out = self.rst("list", self.path).out
        arguments = "uint64 id, string customer, int32 cents, double weight"
        self.assertRegex(out, rf"shop:order +{arguments} +file ")
        self.assertRegex(out, r"shop:closed +- +file ")
        self.assertRegex(out, r"shop:opened +- +file ")
        done = subprocess.run(["readelf", "-n", self.path], capture_output=True, check=True)
        operands = "8@%rdi 8@%rsi -4@%rdx 8@%rcx"
        self.assertRegex(done.stdout.decode(), rf"Name: order\n.*\n *Arguments: {operands}")

    def test_standard_output_gets_the_same_bytes(self):
        self.emit(ORDER)
        written = command.run("emit", "shop", ORDER, "-o", "-", text=False).out
        self.assertEqual(written, read(self.path))

    def test_an_image_is_written_with_holes(self):
        self.emit(ORDER)
        about = os.stat(self.path)
        self.assertGreater(about.st_size, 4 * 65536)
        self.assertLess(about.st_blocks * 512, 65536)

    def test_the_mode_is_by_the_umask(self):
        self.emit(ORDER, prepare=lambda: os.umask(0o027))
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o640)

    def test_a_file_that_can_t_be_written_stays_as_it_was(self):
        self.emit(ORDER)
        before = os.stat(self.path).st_ino, read(self.path)
        outcome = self.emit(MIXED, status=FAILED, prepare=limit_files)
        self.assertRegex(outcome.err, "File too large")
        self.assertEqual((os.stat(self.path).st_ino, read(self.path)), before)
        self.assertEqual(os.listdir(self.place), ["shop.so"])

    def test_a_file_is_replaced_not_changed(self):
        self.emit(ORDER)
        with open(self.path, "rb") as held:
            self.emit(MIXED)
            self.assertNotEqual(held.read(), read(self.path))
        self.assertEqual(os.listdir(self.place), ["shop.so"])

    def test_the_mode_of_the_file_before_stays(self):
        self.emit(ORDER)
        os.chmod(self.path, 0o600)
        self.emit(MIXED)
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)

    def test_the_owner_of_the_file_before_stays(self):
        self.need_root()
        self.emit(ORDER)
        os.chown(self.path, command.NOBODY, command.NOBODY)
        os.chmod(self.path, 0o600)
        self.emit(MIXED)
        about = os.stat(self.path)
        self.assertEqual((about.st_uid, about.st_gid, stat.S_IMODE(about.st_mode)), (command.NOBODY, command.NOBODY, 0o600))

    def test_a_file_that_may_not_be_written_is_refused(self):
        self.need_root()  # to become another user
        os.chmod(self.place, 0o777)
        rst = shutil.copy(command.RST, self.place)
        path = os.path.join(self.place, "theirs.so")
        done = command.run_as_nobody(rst, "emit", "shop", ORDER, "-o", path)
        self.assertEqual(done.returncode, command.GOOD, done)
        before = read(path)
        os.chmod(path, 0o444)
        done = command.run_as_nobody(rst, "emit", "shop", MIXED, "-o", path)
        self.assertEqual(done.returncode, command.FORBIDDEN, done)
        self.assertEqual(read(path), before)

    def test_a_link_stays_and_what_it_leads_to_is_written(self):
        os.mkdir(os.path.join(self.place, "images"))
        image = os.path.join(self.place, "images", "today.so")
        os.symlink("images/today.so", self.path)
        for words in (ORDER,), (MIXED,):  # the file does not exist, then it does
            self.emit(*words)
            self.assertEqual(os.readlink(self.path), "images/today.so")
            self.assertEqual(read(image)[:4], b"\x7fELF")
            self.assertFalse(os.path.islink(image))
        lost = os.path.join(self.place, "lost.so")
        os.symlink("nosuch/today.so", lost)
        self.rst("emit", "shop", ORDER, "-o", lost, status=command.GONE)
        self.assertEqual(os.readlink(lost), "nosuch/today.so")
        os.symlink("loop.so", os.path.join(self.place, "loop.so"))
        outcome = self.rst("emit", "shop", ORDER, "-o", os.path.join(self.place, "loop.so"), status=FAILED)
        self.assertIn("Too many levels of symbolic links", outcome.err)

    def protect_links(self):
        """Have the kernel refuse links of other users in shared directories."""
        path = "/proc/sys/fs/protected_symlinks"
        with open(path, encoding="ascii") as file:
            before = file.read()
        try:
            with open(path, "w", encoding="ascii") as file:
                file.write("1")
        except OSError as error:
            self.skipTest(f"{path}: {error.strerror}")
        self.addCleanup(self.write_setting, path, before)

    @staticmethod
    def write_setting(path, value):
        with open(path, "w", encoding="ascii") as file:
            file.write(value)

    def test_another_user_s_link_in_a_directory_for_all_is_not_followed(self):
        self.need_root()
        self.protect_links()
        common = os.path.join(self.place, "common")
        os.mkdir(common)
        os.chmod(common, 0o1777)
        there, missing = os.path.join(self.place, "there"), os.path.join(self.place, "missing")
        with open(there, "wb") as file:
            file.write(b"precious")
        for target in there, missing:
            with self.subTest(target=target):
                link = os.path.join(common, os.path.basename(target))
                os.symlink(target, link)
                os.lchown(link, command.NOBODY, command.NOBODY)
                outcome = self.rst("emit", "shop", ORDER, "-o", link, status=command.FORBIDDEN)
                self.assertIn("Permission denied", outcome.err)
        self.assertEqual(read(there), b"precious")
        self.assertFalse(os.path.exists(missing))
        self.assertEqual(sorted(os.listdir(self.place)), ["common", "there"])
        self.assertEqual(sorted(os.listdir(common)), ["missing", "there"])

    def test_a_link_to_a_file_that_can_t_be_written_leads_to_what_it_did(self):
        images = os.path.join(self.place, "images")
        os.mkdir(images)
        os.symlink("images/today.so", self.path)
        self.emit(ORDER, status=FAILED, prepare=limit_files)
        self.assertEqual(os.listdir(images), [])
        self.emit(ORDER)
        before = read(os.path.join(images, "today.so"))
        self.emit(MIXED, status=FAILED, prepare=limit_files)
        self.assertEqual(os.listdir(images), ["today.so"])
        self.assertEqual(read(self.path), before)

    def test_a_link_to_an_open_file_is_followed(self):
        self.emit(ORDER)
        link, out = os.path.join(self.place, "stdout"), os.path.join(self.place, "out")
        os.symlink("/proc/self/fd/1", link)
        for deleted in False, True:
            with self.subTest(deleted=deleted), open(out, "w+b") as file:
                if deleted:
                    os.unlink(out)
                done = subprocess.run([command.RST, "emit", "shop", ORDER, "-o", link], stdout=file, check=False)
                self.assertEqual(done.returncode, 0)
                self.assertTrue(os.path.islink(link))
                self.assertEqual(file.read() if deleted else read(out), read(self.path))
        self.assertFalse(os.path.exists(out))

    def test_a_name_may_be_as_long_as_names_are(self):
        self.rst("emit", "shop", ORDER, "-o", os.path.join(self.place, "s" * 255))

    def test_a_device_is_not_replaced(self):
        self.rst("emit", "shop", ORDER, "-o", "/dev/null")
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))
        outcome = self.rst("emit", "shop", ORDER, "-o", "/dev/full", status=FAILED)
        self.assertRegex(outcome.err, "/dev/full.*No space left on device")

    def test_what_is_wrong_is_named(self):
        cases = [
            (["shop", "order(uint6 id)"], r'probe order: .*"uint6" is not a type'),
            (["shop", "order(uint64 a, int8 a)"], r'probe order: .*both named "a"'),
            (["shop", "order(uint64 a"], r'probe "order\(uint64 a": the signature must end with "\)"'),
            (["shop", "or der()"], r'"or der" is not a name'),
            (["sh op", "order()"], r'the provider\'s name "sh op" is not a name'),
            (["s" * 59, "order()"], r"has 59 bytes; at most 58"),
            (["shop", "order(" + ",".join(["bool"] * 13) + ")"], r"more than 12 arguments"),
            (["shop", "a()", "b()", "a(bool x)"], r"probe a is given twice"),
            (["shop"], r"at least one 'PROBE\(SIGNATURE\)'"),
            (["shop", "a()", "--arch", "vax"], r'--arch "vax" is unknown; use one of x86_64, aarch64,'),
            (["shop", "a()", "--nop", "5", "--arch", "arm"], r"--nop 5 is for x86_64; .* for arm"),
            (["shop", "a()", "--nop", "3"], r'--nop "3": use 1, 5 or 10'),
        ]
        for words, pattern in cases:
            with self.subTest(words=words):
                outcome = self.rst("emit", *words, "-o", self.path, status=USAGE)
                self.assertRegex(outcome.err, pattern)
                self.assertRegex(outcome.err, r"\nTry 'rst emit --help'\.\n$")
                self.assertEqual((outcome.out, os.listdir(self.place)), ("", []))
        self.assertIn("give -o FILE", self.rst("emit", "shop", "a()", status=USAGE).err)
        outcome = self.rst("emit", "shop", "a()", "-o", "/nosuch/shop.so", status=command.GONE)
        self.assertRegex(outcome.err, "/nosuch/shop.so.*No such file")
        self.rst("emit", "shop", "a()", "-o", self.place, status=command.BAD_FILE)


if __name__ == "__main__":
    harness.main()
