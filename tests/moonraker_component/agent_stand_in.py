# SPDX-License-Identifier: GPL-3.0-or-later
"""An agent for tests: listens on a Unix socket and speaks the protocol of docs/printer-sockets.md."""
from __future__ import annotations

import json
import os
import queue
import socket
import threading
from typing import Any, Callable, Dict, List, Tuple

STATUS = {
    "auth": {"authenticated": False, "printer_id": None, "printer_name": None, "token_expiry": None},
    "jobs": {"current_job": None, "queue_length": 0, "job_started": None, "last_check": None},
    "version": "0.1.0", "store": None, "moonraker": "connected", "klipper": "disconnected", "pairing": None,
    "reduced": False, "progress": None, "last_error": None,
}


class AgentError(Exception):
    def __init__(self, status: int, code: str, title: str, detail: str = "", hint: str = "") -> None:
        super().__init__(code)
        self.fields = {"status": status, "code": code, "title": title, "detail": detail, "hint": hint}


class AgentStandIn:
    """`answers` maps a method to its result, to a function of the params, or to an `AgentError`.

    A function may return `bytes`, which are written as they are: what no honest agent would send.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.answers: Dict[str, Any] = {"status": STATUS, "queue_list": {"jobs": []}, "configure": {"status": "success"}}
        self.requests: "queue.Queue[Tuple[str, Any]]" = queue.Queue()
        self.log: List[Tuple[str, Any]] = []
        self._clients: List[socket.socket] = []
        self._listener: socket.socket

    def start(self) -> "AgentStandIn":
        if os.path.exists(self.path):
            os.unlink(self.path)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return self

    def stop(self) -> None:
        for endpoint in [self._listener, *self._clients]:
            try:
                endpoint.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            endpoint.close()
        self._clients.clear()
        if os.path.exists(self.path):
            os.unlink(self.path)

    def expect(self, method: str, timeout: float = 20) -> Any:
        """Waits for the next request of `method`, passing over others, and gives its params."""
        while True:
            name, params = self.requests.get(timeout=timeout)
            if name == method:
                return params

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self._clients.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        lock = threading.Lock()
        try:
            for line in client.makefile("rb"):
                request = json.loads(line)
                threading.Thread(target=self._answer, args=(client, lock, request), daemon=True).start()
        except (OSError, ValueError):
            pass

    def _answer(self, client: socket.socket, lock: threading.Lock, request: Dict[str, Any]) -> None:
        method, params = request["method"], request["params"]
        self.log.append((method, params))
        self.requests.put((method, params))
        answer = self.answers.get(method, AgentError(404, "unknown_method", "Unknown method"))
        if isinstance(answer, Callable):
            answer = answer(params)
        if isinstance(answer, AgentError):
            line = json.dumps({"id": request["id"], "error": answer.fields}).encode() + b"\n"
        elif isinstance(answer, bytes):
            line = answer
        else:
            line = json.dumps({"id": request["id"], "result": answer}).encode() + b"\n"
        try:
            with lock:
                client.sendall(line)
        except OSError:
            pass
