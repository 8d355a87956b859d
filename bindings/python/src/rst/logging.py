# SPDX-License-Identifier: MIT
"""Log records as probes: what a program logs, seen by tracers.

    import logging, rst.logging

    logging.getLogger().addHandler(rst.logging.Handler())
    rst.load()

    bpftrace -p PID -e 'usdt:*:logging:record /arg0 >= 40/ { printf("%s: %s\\n", str(arg1), str(arg2)); }'
"""

import logging
from typing import Union

from . import Provider
from ._shared import probe_of

__all__ = ["Handler"]

_RECORD = (
    "int32 level, string logger, string message, string file, int32 line, string function"
)


class Handler(logging.Handler):
    """A handler that fires a probe for each record, while somebody watches.

    The probe's arguments are

        int32 level        as logging.ERROR, which is 40
        string logger      the logger's name
        string message     what the handler's formatter makes of the record
        string file        the path of the source file
        int32 line         in it
        string function    the name of the function

    While nobody watches, a record isn't formatted. A logger drops records below its level before
    any handler sees them. Errors go to handleError(), as those of other handlers do.

    `provider` is a Provider, or the name of one that modules share (see rst.provider()), which
    rst.load() loads. Handlers of one provider and name share the probe.
    """

    def __init__(
        self,
        provider: Union[Provider, str] = "logging",
        name: str = "record",
        level: Union[int, str] = logging.NOTSET,
    ) -> None:
        super().__init__(level)
        self.probe = probe_of(provider, name, _RECORD)

    def handle(self, record: logging.LogRecord) -> bool:
        """Handle the record if somebody watches; else not even the handler's lock is taken."""
        return bool(super().handle(record)) if self.probe.enabled else False

    def emit(self, record: logging.LogRecord) -> None:
        """Fire the probe."""
        try:
            self.probe.fire(
                record.levelno,
                record.name,
                self.format(record),
                record.pathname,
                record.lineno,
                record.funcName,
            )
        except Exception:
            self.handleError(record)
