# SPDX-License-Identifier: MIT
"""bpftrace sees a live program's values: strings that the conformance test doesn't have."""

from support.watching import lines_of_bpftrace


def test_strings_of_every_kind_show_up_to_their_first_nul(target, bpftrace):
    one = target(
        r"""
        text = rst.Provider("shop").probe("text", text=str)
        text.provider.load()

        class Text(str):
            pass

        wait()
        for value in (
            "Ada", "Grüße", "日本", "\U0001f48e", Text("subclass"), Text("Größe"), b"bytes", b"\xc3\xbc",
            "before\0after", b"before\0after", "é\0é", "", b"", None, os.fsdecode(b"name\xc3\xbc\xe4."),
            "\ud800",
        ):
            assert text.fire(value)
            assert text.fire(lambda: value)
        """
    )
    lines = lines_of_bpftrace(one, 'usdt:*:shop:text { printf("<%s>\\n", str(arg0)); }')
    wanted = ["Ada", "Grüße", "日本", "\U0001f48e", "subclass", "Größe", "bytes", "ü", "before"]
    wanted += ["before", "é", "", "", "", b"name\xc3\xbc\xe4.".decode(errors="surrogateescape")]
    wanted += ["\\ud800"]
    assert lines == [f"<{text}>" for text in wanted for _ in range(2)]


def test_a_long_strings_beginning_shows(target, bpftrace):
    one = target(
        """
        text = rst.Provider("shop").probe("text", text=str, length=int)
        text.provider.load()
        long = "begins so " + "x" * (1 << 20) + " ends so."
        wait()
        assert text.fire(long, len(long.encode()))
        """
    )
    program = 'usdt:*:shop:text { printf("%s|%s\\n", str(arg0, 11), str(arg0 + arg1 - 9)); }'
    assert lines_of_bpftrace(one, program) == ['begins so x| ends so.']
