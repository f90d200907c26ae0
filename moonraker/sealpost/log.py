# SPDX-License-Identifier: GPL-3.0-or-later
"""Log lines carry the tag the documents tell people to search for. Params and results are never logged."""
from __future__ import annotations

import logging


class _Tagged(logging.LoggerAdapter):
    def process(self, msg, kwargs):
        return f"[{self.extra['tag']}] {msg}", kwargs


MARKETPLACE = _Tagged(logging.getLogger("sealpost"), {"tag": "lmnt_marketplace"})
PRINT = _Tagged(logging.getLogger("sealpost"), {"tag": "encrypted_print"})


def for_path(path: str) -> logging.LoggerAdapter:
    return MARKETPLACE if "/machine/lmnt_marketplace/" in path else PRINT
