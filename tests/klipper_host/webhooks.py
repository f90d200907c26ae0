"""The API socket: JSON messages, each ended by the byte 0x03."""
# SPDX-License-Identifier: MIT OR Apache-2.0
import json
import logging
import os
import socket
import sys

from .gcode import CommandError

_REQUIRED = object()


class RequestError(CommandError):
    pass


class Request:
    error = RequestError

    def __init__(self, connection, message):
        data = json.loads(message)
        self._connection = connection
        self.id = data.get("id")
        self.method = data.get("method")
        self.params = data.get("params", {})
        if not isinstance(self.method, str) or not isinstance(self.params, dict):
            raise ValueError("not a request")
        self.response = None

    def get_client_connection(self):
        return self._connection

    def get_method(self):
        return self.method

    def get(self, item, default=_REQUIRED, types=None):
        value = self.params.get(item, default)
        if value is _REQUIRED:
            raise RequestError("Missing Argument [%s]" % (item,))
        if types and item in self.params and type(value) not in types:
            raise RequestError("Invalid Argument Type [%s]" % (item,))
        return value

    def get_str(self, item, default=_REQUIRED):
        return self.get(item, default, (str,))

    def get_int(self, item, default=_REQUIRED):
        return self.get(item, default, (int,))

    def get_float(self, item, default=_REQUIRED):
        return float(self.get(item, default, (int, float)))

    def get_dict(self, item, default=_REQUIRED):
        return self.get(item, default, (dict,))

    def send(self, data):
        if self.response is not None:
            raise RequestError("Multiple calls to send not allowed")
        self.response = data


class Connection:
    def __init__(self, webhooks, sock):
        self.webhooks = webhooks
        self.reactor = webhooks.printer.get_reactor()
        self.sock = sock
        self.received = self.unsent = b""
        self.handle = self.reactor.register_fd(sock.fileno(), self._receive,
                                               self._flush)

    def is_closed(self):
        return self.sock is None

    def close(self):
        if self.sock is None:
            return
        self.reactor.unregister_fd(self.handle)
        self.sock.close()
        self.sock = None
        self.webhooks.connections.discard(self)

    def send(self, data):
        self.unsent += json.dumps(data).encode() + b"\x03"
        self._flush()

    def _flush(self, eventtime=None):
        if self.sock is None:
            return
        try:
            self.unsent = self.unsent[self.sock.send(self.unsent):]
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        self.reactor.set_fd_wake(self.handle, True, bool(self.unsent))

    def _receive(self, eventtime):
        if self.sock is None:
            return
        try:
            data = self.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        messages = (self.received + data).split(b"\x03")
        self.received = messages.pop()
        for message in messages:
            try:
                request = Request(self, message)
            except (ValueError, AttributeError):
                logging.exception("webhooks: not a request")
                continue
            self.reactor.register_callback(
                lambda e, request=request: self._answer(request))

    def _answer(self, request):
        kind = "result"
        try:
            self.webhooks.callback_for(request.method)(request)
        except CommandError as e:
            kind = "error"
            request.response = {"error": "WebRequestError", "message": str(e)}
        except Exception as e:
            message = "Internal Error on WebRequest: %s" % (request.method,)
            logging.exception(message)
            kind = "error"
            request.response = {"error": "WebRequestError", "message": str(e)}
            self.webhooks.printer.invoke_shutdown(message)
        if request.id is not None:
            self.send({"id": request.id, kind: request.response or {}})


class WebHooks:
    """The printer object `webhooks`."""

    def __init__(self, printer):
        self.printer = printer
        self.endpoints = {}
        self.remote_methods = {}
        self.connections = set()
        self.register_endpoint("list_endpoints", lambda request: request.send(
            {"endpoints": list(self.endpoints)}))
        self.register_endpoint("info", self._info)
        self.register_endpoint("emergency_stop", self._emergency_stop)
        self.register_endpoint("register_remote_method", self._register_method)
        self.sock = None
        path = printer.get_start_args().get("apiserver")
        if path:
            self._listen(path)

    def register_endpoint(self, path, callback):
        if path in self.endpoints:
            raise RequestError("Path already registered to an endpoint")
        self.endpoints[path] = callback

    def callback_for(self, path):
        if path not in self.endpoints:
            raise RequestError("webhooks: No registered callback for path '%s'"
                               % (path,))
        return self.endpoints[path]

    def call_remote_method(self, method, **params):
        known = self.remote_methods.get(method, {})
        alive = [(c, t) for c, t in known.items() if not c.is_closed()]
        if not alive:
            raise self.printer.command_error(
                "Remote method '%s' not registered" % (method,))
        for connection, template in alive:
            connection.send(dict(template, params=params))

    def get_status(self, eventtime):
        message, state = self.printer.get_state_message()
        return {"state": state, "state_message": message}

    def _listen(self, path):
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.setblocking(False)
        self.sock.bind(path)
        self.sock.listen(8)
        self.handle = self.printer.get_reactor().register_fd(
            self.sock.fileno(), self._accept)
        self.printer.register_event_handler("klippy:disconnect", self._close)

    def _accept(self, eventtime):
        try:
            sock, _ = self.sock.accept()
        except OSError:
            return
        sock.setblocking(False)
        self.connections.add(Connection(self, sock))

    def _close(self):
        for connection in list(self.connections):
            connection.close()
        self.printer.get_reactor().unregister_fd(self.handle)
        self.sock.close()

    def _info(self, request):
        request.get_dict("client_info", None)
        message, state = self.printer.get_state_message()
        args = self.printer.get_start_args()
        here = os.path.dirname(os.path.abspath(__file__))
        request.send({
            "state": state, "state_message": message,
            "hostname": socket.gethostname(), "klipper_path": here,
            "python_path": sys.executable, "process_id": os.getpid(),
            "user_id": os.getuid(), "group_id": os.getgid(),
            "log_file": args.get("log_file"),
            "config_file": args["config_file"],
            "software_version": args["software_version"],
            "cpu_info": args["cpu_info"]})

    def _emergency_stop(self, request):
        self.printer.invoke_shutdown("Shutdown due to webhooks request")

    def _register_method(self, request):
        template = request.get_dict("response_template")
        methods = self.remote_methods.setdefault(
            request.get_str("remote_method"), {})
        methods[request.get_client_connection()] = template
