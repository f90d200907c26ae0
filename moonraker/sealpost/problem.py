# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures as people and programs meet them: RFC 9457 members, plus `code`, `hint` and Moonraker's own `error`."""
from __future__ import annotations

from typing import Any, Dict


class Problem(Exception):
    """`status` is the HTTP status; `code` is stable; `hint` says what to do."""

    def __init__(self, status: int, code: str, title: str, detail: str = "", hint: str = "") -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.hint = hint

    def message(self) -> str:
        rest = " ".join(part for part in (self.detail, self.hint) if part)
        return f"{self.title}: {rest}" if rest else self.title

    def as_json(self) -> Dict[str, Any]:
        return {
            "type": "about:blank",
            "status": self.status,
            "code": self.code,
            "title": self.title,
            "detail": self.detail,
            "hint": self.hint,
            "error": {"code": self.status, "message": self.message()},
        }


def agent_problem(code: str) -> Problem:
    """The ways in which the agent itself cannot be asked."""
    if code == "agent_timeout":
        return Problem(
            504, code, "The printer agent did not answer in time",
            "It may still be working on the request.", "Look at the status in a minute; `sealpost-printer check` says more.",
        )
    if code == "agent_protocol":
        return Problem(
            502, code, "The printer agent gave an answer that cannot be read",
            "Component and agent may be of different versions.", "Update both, then restart Moonraker.",
        )
    return Problem(
        503, "agent_unreachable", "The printer agent is not running",
        "Moonraker could not reach it over its socket.",
        "Start it with `systemctl start sealpost-printer`; `sealpost-printer check` on the printer says what is wrong.",
    )


def problem_from_agent(error: Any) -> Problem:
    """An `error` object of the agent. What it leaves out or gets wrong becomes something that can still be shown."""
    if not isinstance(error, dict):
        return agent_problem("agent_protocol")
    status = error.get("status")
    if not isinstance(status, int) or isinstance(status, bool) or not 400 <= status <= 599:
        status = 500
    code, title = _text(error, "code") or "agent_error", _text(error, "title") or "The printer agent reported an error"
    return Problem(status, code, title, _text(error, "detail"), _text(error, "hint"))


def _text(error: Dict[str, Any], field: str) -> str:
    value = error.get(field)
    return value[:2000] if isinstance(value, str) else ""
