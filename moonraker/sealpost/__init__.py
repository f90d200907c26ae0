# SPDX-License-Identifier: GPL-3.0-or-later
"""Sealpost for Moonraker: forwards the marketplace endpoints to the printer agent.

`[sealpost]`, `[lmnt_marketplace_plugin]` and `[encrypted_print]` all load the one component; whichever are
present share it. The protocol and the endpoints are described in docs/printer-sockets.md, "Agent socket".
"""
from __future__ import annotations

import weakref

from .component import Sealpost

# Moonraker restarts by making a new server in the same process: one component for each server.
_components: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def load_component(config) -> Sealpost:
    server = config.get_server()
    component = _components.get(server)
    if component is None:
        component = _components[server] = Sealpost(server)
    component.read_section(config)
    return component
