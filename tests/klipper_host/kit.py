"""What the tests use: a running host, its API socket, the hand-over socket.

With PRINTER_DATA naming the `printer_data` folder of a running printer, the
tests use that printer (a real Klipper in a laboratory, say) and leave out what
needs a configuration of its own.
"""
# SPDX-License-Identifier: MIT OR Apache-2.0
import array
import fcntl
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
EXTRAS = HERE.parent.parent / "klipper"
ALL_SEALS = 0xF
PRINTER_DATA = os.environ.get("PRINTER_DATA")
TIMEOUT = 10


def memfd(data, seals=ALL_SEALS):
    """A memfd that holds `data`, sealed as told."""
    fd = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]
    fcntl.fcntl(fd, 1033, seals)
    return fd


class Socket:
    def __init__(self, path, end):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(str(path))
        self.end = end
        self.buffer = b""

    def receive(self):
        """The next message, or None when the other side closed."""
        while self.end not in self.buffer:
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self.buffer += data
        message, _, self.buffer = self.buffer.partition(self.end)
        return json.loads(message)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class Handover(Socket):
    """A connection to the hand-over socket, after the greeting."""

    def __init__(self, path):
        super().__init__(path, b"\n")
        self.greeting = self.receive()
        self.number = 0

    def request(self, op, fds=(), **params):
        self.number += 1
        return self.raw(json.dumps(dict(params, id=self.number, op=op)), fds)

    def raw(self, line, fds=()):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                   array.array("i", fds))] if fds else []
        self.sock.sendmsg([line.encode() + b"\n"], rights)
        return self.receive()

    def load(self, job, data, /, fds=None, **params):
        """Loads `data` as `job`; returns the error code, None when taken."""
        own = [memfd(data)] if fds is None else []
        request = dict({"job": job, "name": "sealpost/%s.gcode" % job,
                        "size": len(data), "layers": None}, **params)
        answer = self.request("load", own or fds, **request)
        for fd in own:
            os.close(fd)
        return answer.get("error", {}).get("code")

    def status(self):
        return self.request("status")["result"]


class Api(Socket):
    """A connection to Klipper's API socket."""

    def __init__(self, path):
        super().__init__(path, b"\x03")
        self.number = 0
        self.console = []
        self.status = {}
        self.seen = []

    def request(self, method, **params):
        self.number += 1
        number = self.number
        self.sock.sendall(json.dumps({"id": number, "method": method,
                                      "params": params}).encode() + b"\x03")
        while True:
            message = self.next()
            if message.get("id") == number:
                return message

    def script(self, script):
        """Runs G-code; returns the error message, None when it went well."""
        return self.request("gcode/script", script=script).get(
            "error", {}).get("message")

    def next(self):
        """The next message; console and status are kept up on the way."""
        message = self.receive()
        if message is None:
            raise EOFError("the host closed the connection")
        params = message.get("params", {})
        if message.get("kind") == "console":
            self.console.append(params["response"])
        elif message.get("kind") == "status":
            self._merge(params["status"])
        return message

    def watch(self):
        """Follows console and status; `seen` holds every status there was."""
        self.request("gcode/subscribe_output",
                     response_template={"kind": "console"})
        answer = self.request("objects/subscribe", objects={
            "print_stats": None, "virtual_sdcard": None, "sealpost": None,
            "webhooks": None}, response_template={"kind": "status"})
        self._merge(answer["result"]["status"])

    def query(self, name):
        return self.request("objects/query", objects={name: None})[
            "result"]["status"][name]

    def wait(self, condition):
        """Reads on until `condition(self)` holds."""
        while not condition(self):
            self.next()

    def wait_state(self, *states):
        self.wait(lambda api: api.status["print_stats"]["state"] in states)

    def echoes(self):
        """What M118 said, line by line."""
        return [line[6:] for line in self.console if line.startswith("echo: ")]

    def _merge(self, update):
        for name, values in update.items():
            self.status.setdefault(name, {}).update(values)
        self.seen.append(json.loads(json.dumps(self.status)))


class Host:
    """A printer to test: the stand-in host, or the one at PRINTER_DATA."""

    def __init__(self, rate=0, config="", sections="", arguments=()):
        self.process = None
        self.folder = None
        if PRINTER_DATA and not config and not sections and not arguments:
            self.data = pathlib.Path(PRINTER_DATA)
        else:
            self._start(rate, config, sections, arguments)
        self.gcodes = self.data / "gcodes"
        self.log = self.data / "logs" / "klippy.log"
        self.handover_path = self.data / "comms" / "sealpost.sock"

    def _start(self, rate, config, sections, arguments):
        self.folder = tempfile.mkdtemp(prefix="klipper-host-")
        self.data = pathlib.Path(self.folder)
        for name in ("config", "logs", "gcodes", "comms"):
            (self.data / name).mkdir()
        text = (HERE / "printer.cfg.in").read_text()
        text = text.replace("@GCODES@", str(self.data / "gcodes"))
        (self.data / "config" / "printer.cfg").write_text(
            text + config + "\n" + sections)
        self.record = self.data / "record"
        self.process = subprocess.Popen(
            [os.environ.get("HOST_PYTHON", sys.executable), "-m", "klipper_host",
             "--config", str(self.data / "config" / "printer.cfg"),
             "-a", str(self.data / "comms" / "klippy.sock"),
             "-l", str(self.data / "logs" / "klippy.log"),
             "--extras", str(EXTRAS), "--rate", str(rate),
             "--record", str(self.record), "--announce",
             "--refresh", "0.02", *arguments],
            env=dict(os.environ, PYTHONPATH=str(HERE.parent)),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.wait_announced()

    def wait_announced(self):
        """Waits until the stand-in says that it is ready, or cannot be."""
        self.state = self.process.stdout.readline().strip()

    def wait_restarted(self):
        """Waits until the printer is ready again after a restart."""
        if self.process is not None:
            self.wait_announced()
            return
        deadline = time.monotonic() + 2 * TIMEOUT
        while time.monotonic() < deadline:
            try:
                with self.api() as api:
                    state = api.request("info")["result"]["state"]
                if state == "ready" and self.handover_path.exists():
                    return
            except (OSError, EOFError):
                pass
            time.sleep(0.1)
        raise TimeoutError("the printer did not get ready")

    def api(self):
        return Api(self.data / "comms" / "klippy.sock")

    def handover(self):
        return Handover(self.handover_path)

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            shutil.rmtree(self.folder)

    def pid(self):
        with self.handover() as connection:
            return connection.greeting["pid"]

    def memfds(self):
        """How many memfds the host holds; None where that cannot be seen."""
        folder = "/proc/%d/fd" % self.pid()
        try:
            names = os.listdir(folder)
        except OSError:
            return None
        return sum(_link(folder, name).startswith("/memfd:test")
                   for name in names)


def _link(folder, name):
    try:
        return os.readlink(os.path.join(folder, name))
    except FileNotFoundError:
        return ""
