# The hand-over socket: newline-delimited JSON and one descriptor a job.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import array
import errno
import json
import logging
import os
import socket
import stat

from . import descriptor
from .refusal import Refusal

MAX_LINE = 64 * 1024
MAX_CONNECTIONS = 8
MAX_REQUESTS_A_READ = 16
READ = 4096
DESCRIPTORS = array.array("i", [0] * 4)


class Handover:
    """Listens in Klipper's reactor; one small read a callback.

    `answer(request, fds)` returns the result of a request or raises
    `Refusal`; it owns the descriptors in `fds` that it removes.
    """

    def __init__(self, reactor, path, uid, gid, greeting, answer):
        self.reactor = reactor
        self.path = path
        self.uid = uid
        self.greeting = greeting
        self.answer = answer
        self.connections = []
        self.sock = _listen(path, gid)
        self.handle = reactor.register_fd(self.sock.fileno(), self._accept)

    def close(self):
        if self.sock is None:
            return
        for connection in list(self.connections):
            connection.close()
        self.reactor.unregister_fd(self.handle)
        self.sock.close()
        self.sock = None
        try:
            os.unlink(self.path)
        except OSError:
            pass

    def _accept(self, eventtime):
        try:
            sock, _ = self.sock.accept()
        except (OSError, AttributeError):
            return
        try:
            sock.setblocking(False)
            if (descriptor.peer_uid(sock) != self.uid
                    or len(self.connections) >= MAX_CONNECTIONS):
                logging.warning("sealpost: a connection was refused")
                sock.close()
                return
            connection = Connection(self, sock)
            self.connections.append(connection)
            connection.greet()
        except Exception:
            logging.exception("sealpost: accept")
            sock.close()


class Connection:
    def __init__(self, server, sock):
        self.server = server
        self.sock = sock
        self.buffer = b""
        self.fds = []
        self.handle = server.reactor.register_fd(sock.fileno(), self._receive)

    def greet(self):
        self._send(self.server.greeting())

    def close(self):
        if self.sock is None:
            return
        self.server.reactor.unregister_fd(self.handle)
        self.sock.close()
        self.sock = None
        self._drop_fds()
        if self in self.server.connections:
            self.server.connections.remove(self)

    def _receive(self, eventtime):
        if self.sock is None:
            return
        try:
            data = self._read()
            if data is None:
                return
            if not data:
                self.close()
                return
            self.buffer += data
            self._serve()
        except Exception:
            logging.exception("sealpost: hand-over")
            self.close()

    def _read(self):
        try:
            data, extra, flags, _ = self.sock.recvmsg(
                READ, socket.CMSG_SPACE(len(DESCRIPTORS) * DESCRIPTORS.itemsize),
                socket.MSG_CMSG_CLOEXEC)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return b""
        for level, kind, raw in extra:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                numbers = array.array("i")
                numbers.frombytes(raw[:len(raw) - len(raw) % numbers.itemsize])
                self.fds.extend(numbers)
        if len(self.fds) > len(DESCRIPTORS):
            return b""
        return data

    def _serve(self):
        lines = self.buffer.split(b"\n")
        self.buffer = lines.pop()
        if (len(lines) > MAX_REQUESTS_A_READ or len(self.buffer) > MAX_LINE
                or any(len(line) > MAX_LINE for line in lines)):
            self._send(_error(None, Refusal(
                "bad_request", "too much in one piece; the connection ends")))
            self.close()
            return
        for line in lines:
            self._send(self._answer(line))
            if self.sock is None:
                return
        # A descriptor belongs to the line it came with, never to a later one.
        if not self.buffer:
            self._drop_fds()

    def _answer(self, line):
        number = None
        try:
            request = _parse(line)
            number = request["id"]
            return {"id": number,
                    "result": self.server.answer(request, self.fds)}
        except Refusal as refusal:
            return _error(number, refusal)
        except Exception:
            logging.exception("sealpost: request")
            return _error(number, Refusal("bad_request", "internal error"))

    def _send(self, message):
        if self.sock is None:
            return
        data = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        try:
            # Answers are short: who does not read them is not waited for.
            if self.sock.send(data) == len(data):
                return
        except OSError:
            pass
        self.close()

    def _drop_fds(self):
        while self.fds:
            os.close(self.fds.pop())


def _error(number, refusal):
    return {"id": number,
            "error": {"code": refusal.code, "message": refusal.message}}


def _parse(line):
    try:
        request = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Refusal("bad_request", "the line is not JSON")
    if (not isinstance(request, dict) or type(request.get("id")) is not int
            or not isinstance(request.get("op"), str)):
        raise Refusal("bad_request", "a request has an integer id and an op")
    return request


def _listen(path, gid):
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.bind(path)
        os.chmod(path, 0o660)
        if gid is not None:
            try:
                os.chown(path, -1, gid)
            except OSError:
                logging.info("sealpost: the group of %s stays as it is", path)
        sock.listen(4)
    except OSError:
        sock.close()
        raise
    return sock


def _remove_stale(path):
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise OSError(errno.EEXIST, "there is something else than a socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except OSError as e:
            if e.errno == errno.ECONNREFUSED:
                os.unlink(path)
                return
    raise OSError(errno.EADDRINUSE, "another program listens there")
