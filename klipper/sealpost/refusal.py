# The one exception that travels to whoever asked.
#
# SPDX-License-Identifier: GPL-3.0-or-later


class Refusal(Exception):
    """A request that cannot be met: a stable `code` and a sentence."""

    def __init__(self, code, message):
        Exception.__init__(self, message)
        self.code = code
        self.message = message
