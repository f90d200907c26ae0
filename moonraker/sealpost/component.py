# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts settings, agent link and endpoints together, once for each Moonraker server."""
from __future__ import annotations

import asyncio
from typing import Any, Dict, Optional

from .agent import AgentLink
from .endpoints import ENDPOINTS, Endpoint
from .http import ApiHandler, PageHandler, PAGE_FILES
from .log import MARKETPLACE
from .problem import Problem, agent_problem
from .settings import Settings


class Sealpost:
    def __init__(self, server) -> None:
        self.server = server
        self.settings = Settings()
        self.link: Optional[AgentLink] = None
        self._large = asyncio.Semaphore(1)
        self._register()

    def read_section(self, config) -> None:
        for warning in self.settings.read(config):
            self.server.add_warning(warning)

    async def component_init(self) -> None:
        if self.link is None:
            self.link = AgentLink(self.settings.agent_socket, self.settings.configure_params())
            self.link.start()

    async def close(self) -> None:
        if self.link is not None:
            await self.link.close()

    async def forward(self, endpoint: Endpoint, body: Dict[str, Any]) -> Any:
        """Checks `body`, asks the agent, gives its result. Raises `Problem`."""
        params = endpoint.params_of(body)
        if self.link is None:
            raise agent_problem("agent_unreachable")
        if not endpoint.large:
            return await self.link.call(endpoint.method, params, endpoint.timeout)
        if self._large.locked():
            raise Problem(
                429, "busy", "Another file is being handed over",
                "Only one encrypted file is taken at a time.", "Wait until it was accepted, then send it again.",
            )
        async with self._large:
            return await self.link.call(endpoint.method, params, endpoint.timeout, large=True)

    def _register(self) -> None:
        app = self.server.lookup_component("application")
        # Moonraker's own endpoints cannot see request headers or answer with an error body, both of which are
        # needed here; this is the one public door for a handler of one's own, whatever its name says.
        for pattern, endpoints in _by_path().items():
            app.register_websocket_handler(pattern, _handler(ApiHandler, component=self, endpoints=endpoints))
        for path in PAGE_FILES:
            app.register_websocket_handler(path, _handler(PageHandler, path=path))
        for endpoint in ENDPOINTS:
            if endpoint.websocket:
                self.server.register_endpoint(
                    endpoint.path, [endpoint.verb], self._websocket_callback(endpoint), transports=["websocket"],
                )

    def _websocket_callback(self, endpoint: Endpoint):
        async def callback(web_request) -> Any:
            try:
                return await self.forward(endpoint, web_request.get_args())
            except Problem as problem:
                MARKETPLACE.info("%s: %s (%s)", endpoint.path, problem.code, problem.status)
                raise self.server.error(problem.message(), problem.status) from None
        return callback


def _by_path() -> Dict[str, Dict[str, Endpoint]]:
    paths: Dict[str, Dict[str, Endpoint]] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.verb] = endpoint
    return paths


def _handler(base, **attributes):
    return type(base.__name__, (base,), attributes)
