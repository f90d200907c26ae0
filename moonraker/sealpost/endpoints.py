# SPDX-License-Identifier: GPL-3.0-or-later
"""The endpoints and the agent's method behind each, as docs/printer-sockets.md lists them."""
from __future__ import annotations

import dataclasses
from typing import Any, Dict, Mapping, Tuple

from .problem import Problem

MARKETPLACE = "/machine/lmnt_marketplace"
LOCAL, STORE, PRINT = 5.0, 60.0, 180.0


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """`required` and `optional` name text fields; `aliases` gives further names under which clients send them.

    `own_file` names those that may stand beside `filename` alone.
    """

    verb: str
    path: str
    method: str
    timeout: float
    required: Tuple[str, ...] = ()
    optional: Tuple[str, ...] = ()
    aliases: Mapping[str, str] = dataclasses.field(default_factory=dict)
    wrap: bool = True
    websocket: bool = False
    large: bool = False
    own_file: Tuple[str, ...] = ()

    def params_of(self, body: Mapping[str, Any]) -> Dict[str, str]:
        """The params for the agent. `null` is absent, unknown fields are left out."""
        required, optional = self._fields(body)
        params: Dict[str, str] = {}
        for name in required + optional:
            value = body.get(name)
            if value is None and name in self.aliases:
                value = body.get(self.aliases[name])
            if value is None:
                continue
            if not isinstance(value, str) or not _is_unicode(value):
                raise _bad_request(f"The field `{name}` must be text.")
            params[name] = value
        for name in required:
            if not params.get(name):
                raise _bad_request(f"The field `{name}` is missing.")
        return params

    def _fields(self, body: Mapping[str, Any]) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
        """Without a sealed job beside it, the name is that of a file on the printer's own disk."""
        carried = body.get("encrypted_gcode") is not None or body.get("job_manifest") is not None
        if self.own_file and not carried and body.get("filename") is not None:
            return ("filename",), self.own_file
        return self.required, self.optional


def _is_unicode(value: str) -> bool:
    # JSON can spell half of a surrogate pair, which no strict reader takes.
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bad_request(detail: str) -> Problem:
    return Problem(400, "bad_request", "The request cannot be understood", detail, "Send the fields as a JSON object.")


_PRINTER = ("printer_name", "manufacturer", "model")


def _login(name: str) -> Endpoint:
    # Moonraker's verbose log shows websocket requests in full, so what is secret goes over HTTP only.
    return Endpoint(
        "POST", f"{MARKETPLACE}/{name}", "login_user", STORE,
        required=("username", "password"), aliases={"username": "email"},
    )


def _start_print(path: str) -> Endpoint:
    return Endpoint(
        "POST", path, "start_print", PRINT,
        required=("job_id", "encrypted_gcode", "gcode_dek_package", "job_manifest"),
        optional=("gcode_iv_hex", "filename"),
        aliases={"gcode_dek_package": "gcode_dek_encrypted_hex", "job_id": "print_job_id"},
        large=True, own_file=("gcode_dek_package",),
    )


ENDPOINTS: Tuple[Endpoint, ...] = (
    Endpoint("GET", f"{MARKETPLACE}/status", "status", LOCAL, websocket=True),
    Endpoint("POST", f"{MARKETPLACE}/check_jobs", "check_jobs", STORE, websocket=True),
    Endpoint("GET", f"{MARKETPLACE}/queue", "queue_list", LOCAL, websocket=True),
    Endpoint("POST", f"{MARKETPLACE}/queue/remove", "queue_remove", LOCAL, required=("job",), websocket=True),
    _login("login_user"),
    _login("user_login"),
    Endpoint(
        "POST", f"{MARKETPLACE}/register_printer", "register_printer", STORE,
        required=("user_token", "printer_name"), optional=("manufacturer", "model"),
    ),
    Endpoint("POST", f"{MARKETPLACE}/refresh_token", "refresh_token", STORE, websocket=True),
    Endpoint("POST", f"{MARKETPLACE}/start_pairing", "start_pairing", LOCAL, optional=_PRINTER, websocket=True),
    Endpoint(
        "POST", f"{MARKETPLACE}/pair/start", "pair_start", STORE,
        optional=("store", *_PRINTER), wrap=False, websocket=True,
    ),
    Endpoint(
        "POST", f"{MARKETPLACE}/pair/status", "pair_status", STORE,
        optional=("session_id",), wrap=False, websocket=True,
    ),
    Endpoint(
        "POST", f"{MARKETPLACE}/pair/complete", "pair_complete", STORE,
        optional=("session_id",), wrap=False, websocket=True,
    ),
    _start_print("/machine/encrypted_print/start_print"),
    _start_print("/server/encrypted/print"),
)
