# SPDX-License-Identifier: MIT
"""Logs what goes wrong while somebody watches, and must not reach the program."""

import logging

from . import Probe

_logger = logging.getLogger("rst")


def report(probe: Probe, error: Exception) -> None:
    """Log an exception of a probe's function. rst._rst calls this once for each probe."""
    _logger.error(
        "%s:%s: not fired: %s: %s (logged once)",
        probe.provider.name,
        probe.name,
        type(error).__name__,
        error,
        exc_info=error,
    )
