# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Moonraker with the component, in a folder of its own, without Klipper."""
from __future__ import annotations

import http.client
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
from typing import Any, Dict, Optional, Tuple

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "moonraker"
MOONRAKER_PYTHON = os.environ.get("MOONRAKER_PYTHON", sys.executable)
NAMES = ("sealpost", "lmnt_marketplace_plugin.py", "encrypted_print.py")
# What the installer's symlinks do, without touching the Python environment.
LAUNCH = """
import sys, moonraker.components
moonraker.components.__path__.append(sys.argv.pop(1))
from moonraker.server import main
main()
"""
CONFIG = """
[server]
host: {host}
port: {port}
klippy_uds_address: {data}/comms/klippy.sock
{server}

[machine]
provider: none
validate_service: False
validate_config: False

[authorization]
{authorization}

[file_manager]
enable_object_processing: False

{sections}
"""
TRUSTED = "trusted_clients: 127.0.0.1"
MARKETPLACE_SECTIONS = "[lmnt_marketplace_plugin]\nagent_socket: {socket}\n\n[encrypted_print]\n"


class Printer:
    def __init__(
        self, sections: str = MARKETPLACE_SECTIONS, authorization: str = TRUSTED, verbose: bool = False, server: str = "", port: int = 0,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sealpost-moonraker-")
        self.data = pathlib.Path(self._folder.name)
        self.agent_socket = str(self.data / "agent.sock")
        self.port = port or _free_port()
        self._sections = sections.replace("{socket}", self.agent_socket)
        self._authorization = authorization
        self._server = server
        self._verbose = verbose
        self._lines: list = []
        self._logged = threading.Condition()
        self._ended = False
        self._process: Optional[subprocess.Popen] = None
        self._reader: Optional[threading.Thread] = None

    def __enter__(self) -> "Printer":
        components = self.data / "components"
        components.mkdir()
        for name in NAMES:
            (components / name).symlink_to(SOURCE / name)
        for folder in ("config", "comms", "logs", "gcodes"):
            (self.data / folder).mkdir()
        (self.data / "config" / "moonraker.conf").write_text(CONFIG.format(
            host="127.0.0.1", port=self.port, data=self.data,
            server=self._server, authorization=self._authorization, sections=self._sections,
        ))
        command = [MOONRAKER_PYTHON, "-c", LAUNCH, str(components), "-d", str(self.data)]
        self._process = subprocess.Popen(
            command + (["-v"] if self._verbose else []), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            # Logged once the HTTP server listens.
            self.expect_log("SSL Certificate/Key not configured", timeout=60)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_exception: Any) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends Moonraker; its log is complete then."""
        if self._process.stdout.closed:
            return
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(10)
        self._process.stdout.close()
        self._folder.cleanup()

    def log(self) -> str:
        """Everything Moonraker has logged so far."""
        return "".join(self._lines)

    def expect_log(self, text: str, timeout: float = 20) -> None:
        """Waits until a line with `text` was logged: Moonraker logs in the background."""
        def logged() -> bool:
            return any(text in line for line in self._lines)

        with self._logged:
            self._logged.wait_for(lambda: logged() or self._ended, timeout)
            if not logged():
                raise AssertionError(f"not logged: {text}\n{self.log()}")

    def request(
        self, method: str, path: str, body: Any = None, headers: Optional[Dict[str, str]] = None,
    ) -> Tuple[int, Dict[str, str], Any]:
        """Status, headers and the JSON answer (text where it is not JSON). A `dict` is sent as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        found = {name.lower(): value for name, value in answer.getheaders()}
        if "json" in found.get("content-type", ""):
            return answer.status, found, json.loads(content)
        return answer.status, found, content.decode()

    def get(self, path: str, **headers: str) -> Tuple[int, Any]:
        status, _, body = self.request("GET", path, headers=headers)
        return status, body

    def post(self, path: str, body: Any = None, **headers: str) -> Tuple[int, Any]:
        status, _, answer = self.request("POST", path, body, headers)
        return status, answer

    def _read(self) -> None:
        for line in self._process.stdout:
            with self._logged:
                self._lines.append(line)
                self._logged.notify_all()
        with self._logged:
            self._ended = True
            self._logged.notify_all()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def json_rpc(printer: Printer, *calls: Tuple[str, Dict[str, Any]]) -> list:
    """Answers of Moonraker to JSON-RPC calls over its local socket, which needs no sign-in."""
    answers = []
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(printer.data / "comms" / "moonraker.sock"))
        received = b""
        for number, (method, params) in enumerate(calls):
            request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            client.sendall(json.dumps(request).encode() + b"\x03")
            while len(answers) <= number:
                while b"\x03" not in received:
                    received += client.recv(65536)
                message, received = received.split(b"\x03", 1)
                answer = json.loads(message)
                if answer.get("id") == number:
                    answers.append(answer)
    return answers
