# SPDX-License-Identifier: MIT
"""rst.logging.Handler."""

import logging

import pytest
import rst
import rst.logging
from support.watching import Watch, lines_of_bpftrace


@pytest.fixture
def logger(provider):
    one = logging.getLogger("shop.test")
    one.propagate = False
    one.setLevel(logging.DEBUG)
    handler = rst.logging.Handler(provider)
    one.addHandler(handler)
    provider.load()
    yield one
    one.removeHandler(handler)


class Counted:
    """Counts how often it was formatted."""

    count = 0

    def __str__(self):
        self.count += 1
        return "counted"


def test_unwatched_nothing_is_formatted(logger):
    message = Counted()
    logger.info("%s", message)
    assert message.count == 0


def test_watched_every_record_is_a_hit(logger, uprobes):
    handler = logger.handlers[0]
    message = Counted()
    with Watch(handler.probe, this_thread=True) as watch:
        logger.info("%s", message)
        logger.error("no")
        handler.setLevel(logging.ERROR)
        logger.info("too low")
        handler.addFilter(lambda record: "quiet" not in record.getMessage())
        logger.error("quiet")
        assert watch.hits == 2 and message.count == 1


def test_a_mistake_goes_to_handle_error(logger, uprobes, monkeypatch):
    failed = []
    handler = logger.handlers[0]
    monkeypatch.setattr(handler, "handleError", failed.append)
    with Watch(handler.probe, this_thread=True) as watch:
        logger.info("%d", "no number")
        assert len(failed) == 1 and watch.hits == 0


def test_handlers_share_a_probe():
    first, second = rst.logging.Handler(), rst.logging.Handler(level="ERROR")
    other = rst.logging.Handler(name="other")
    assert first.probe is second.probe and second.level == logging.ERROR
    assert first.probe.provider is rst.provider("logging") is other.probe.provider
    assert first.probe.name == "record" and other.probe.name == "other"
    first.probe.provider.close()


def test_a_tracer_sees_records(target, bpftrace):
    one = target(
        """
        import logging, rst.logging

        logging.getLogger().addHandler(rst.logging.Handler())
        rst.load()

        def checkout():
            logging.getLogger("shop.cart").warning("order %d of %s", 7, "Grüße")
            try:
                1 / 0
            except ZeroDivisionError:
                logging.exception("no")

        wait()
        checkout()
        """
    )
    program = (
        'usdt:*:logging:record { printf("%d %s [%s] %s %d %s\\n", arg0, str(arg1), str(arg2),'
        " str(arg3), arg4 > 1, str(arg5)); }"
    )
    lines = lines_of_bpftrace(one, program)
    assert lines[0] == "30 shop.cart [order 7 of Grüße] <string> 1 checkout"
    assert lines[1] == "40 root [no"
    assert lines[2] == "Traceback (most recent call last):"
