# SPDX-License-Identifier: GPL-3.0-or-later
"""What moonraker.conf says, in whichever of the three sections it says it."""
from __future__ import annotations

import os
from typing import Any, Dict, List

DEFAULT_SOCKET = "/run/sealpost-printer/agent.sock"


class Settings:
    """Options of all sections together; the first section that says an option wins."""

    def __init__(self) -> None:
        self._said: Dict[str, Any] = {"check_interval": 60, "debug_mode": False}
        self._by: Dict[str, str] = {}

    def read(self, config) -> List[str]:
        """Takes the options `config` has; gives warnings about those an earlier section said otherwise."""
        readers = {
            "check_interval": lambda name: config.getint(name, minval=0),
            "debug_mode": config.getboolean,
            "marketplace_url": config.get,
            "cws_url": config.get,
            "agent_socket": config.get,
        }
        warnings = []
        for option, reader in readers.items():
            if not config.has_option(option):
                continue
            value = reader(option)
            if option in self._by and self._said[option] != value:
                warnings.append(
                    f"[{config.get_name()}]: Option '{option}' differs from section [{self._by[option]}], which is used"
                )
                continue
            self._said[option] = value
            self._by.setdefault(option, config.get_name())
        return warnings

    @property
    def agent_socket(self) -> str:
        return os.path.expanduser(self._said.get("agent_socket", DEFAULT_SOCKET))

    def configure_params(self) -> Dict[str, Any]:
        return {option: value for option, value in self._said.items() if option != "agent_socket"}
