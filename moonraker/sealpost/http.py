# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP side: Moonraker's authentication, JSON bodies, the page's own origin only, problems as answers."""
from __future__ import annotations

import json
import pathlib
from typing import Any, Dict, Optional
from urllib.parse import urlsplit

from tornado.web import HTTPError

from ..application import AuthorizedRequestHandler
from .endpoints import MARKETPLACE, Endpoint
from .log import for_path
from .problem import Problem

PAGE_FOLDER = pathlib.Path(__file__).parent / "page"
PAGE_FILES = {
    f"{MARKETPLACE}/ui": ("index.html", "text/html; charset=UTF-8"),
    f"{MARKETPLACE}/ui/styles.css": ("styles.css", "text/css; charset=UTF-8"),
    f"{MARKETPLACE}/ui/script.js": ("script.js", "text/javascript; charset=UTF-8"),
}
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


class _Handler(AuthorizedRequestHandler):
    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")

    async def prepare(self) -> None:
        # Moonraker logs the address of failed requests; a secret somebody put there must not be kept.
        self.request.uri = self.request.path
        await super().prepare()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None))[1]
        problem = error if isinstance(error, Problem) else _problem_of_status(status_code)
        self.set_status(problem.status)
        self.set_header("Content-Type", "application/problem+json; charset=UTF-8")
        self.finish(json.dumps(problem.as_json()))

    def log_exception(self, typ, value, tb) -> None:
        if isinstance(value, Problem):
            for_path(self.request.path).info("%s: %s (%s)", self.request.path, value.code, value.status)
        else:
            super().log_exception(typ, value, tb)


class ApiHandler(_Handler):
    """`component` and `endpoints` (by verb) are set on a subclass for each path."""

    component: Any
    endpoints: Dict[str, Endpoint]

    async def prepare(self) -> None:
        await super().prepare()
        if self.request.method == "OPTIONS":
            return
        _refuse_other_origins(self.request)

    async def get(self) -> None:
        await self._forward({})

    async def post(self) -> None:
        await self._forward(_json_body(self.request))

    async def _forward(self, body: Dict[str, Any]) -> None:
        endpoint = self.endpoints.get(self.request.method)
        if endpoint is None:
            raise HTTPError(405)
        result = await self.component.forward(endpoint, body)
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.finish(json.dumps({"result": result} if endpoint.wrap else result))


class PageHandler(_Handler):
    """The page's files hold no data. `path` is set on a subclass for each of them."""

    path: str

    def initialize(self) -> None:
        super().initialize()
        self.auth_required = False

    async def get(self) -> None:
        name, content_type = PAGE_FILES[self.path]
        if name.endswith(".html") and self._must_sign_in():
            self.set_status(401)
        self.set_header("Content-Type", content_type)
        self.set_header("Content-Security-Policy", PAGE_POLICY)
        self.finish((PAGE_FOLDER / name).read_bytes())

    def _must_sign_in(self) -> bool:
        return self.current_user is None and self.server.lookup_component("authorization", None) is not None


def _refuse_other_origins(request) -> None:
    origin = request.headers.get("Origin")
    same = origin is None or _host_of(origin) == request.headers.get("Host", "").lower()
    if same and request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none"):
        return
    raise Problem(
        403, "cross_origin", "Another site asked",
        "Only pages that come from this printer's own address may use this endpoint.",
        "Open the printer's own page. A proxy in between must pass the Host header on.",
    )


def _host_of(origin: str) -> Optional[str]:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def _json_body(request) -> Dict[str, Any]:
    content_type = request.headers.get("Content-Type", "").split(";")[0].strip().lower()
    if not request.body and content_type in ("", "application/json"):
        return {}
    if content_type != "application/json":
        raise Problem(
            415, "not_json", "The body is not JSON",
            "This endpoint takes application/json only.", "Send Content-Type: application/json and a JSON object.",
        )
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Problem(
            400, "bad_request", "The request cannot be understood",
            "The body is not a JSON object.", "Send the fields as a JSON object.",
        )
    return body


def _problem_of_status(status: int) -> Problem:
    if status == 401:
        return Problem(
            401, "unauthorized", "Not signed in to Moonraker",
            "This printer asks for a sign-in.", "Sign in with a user of this Moonraker, or send its API key.",
        )
    if status == 405:
        return Problem(405, "method_not_allowed", "This address does not take that method", "", "Use GET or POST as documented.")
    if status >= 500:
        return Problem(
            status, "internal", "Moonraker could not handle the request", "", "moonraker.log says more.",
        )
    return Problem(status, "bad_request", "The request cannot be understood", "", "Send the fields as a JSON object.")
