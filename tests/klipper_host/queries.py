"""Endpoints for G-code and for the status of printer objects."""
# SPDX-License-Identifier: MIT OR Apache-2.0

class GcodeEndpoints:
    def __init__(self, printer):
        self.gcode = printer.lookup_object("gcode")
        self.listeners = {}
        webhooks = printer.lookup_object("webhooks")
        for path, callback in (
                ("gcode/help", lambda r: r.send(self.gcode.get_command_help())),
                ("gcode/script", lambda r: self.gcode.run_script(
                    r.get_str("script"))),
                ("gcode/restart", lambda r: self.gcode.run_script("RESTART")),
                ("gcode/firmware_restart", lambda r: self.gcode.run_script(
                    "FIRMWARE_RESTART")),
                ("gcode/subscribe_output", self._subscribe),
                ("query_endstops/status", lambda r: r.send(
                    {"x": "open", "y": "open", "z": "open"}))):
            webhooks.register_endpoint(path, callback)
        self.gcode.register_output_handler(self._output)

    def _subscribe(self, request):
        self.listeners[request.get_client_connection()] = request.get_dict(
            "response_template", {})

    def _output(self, message):
        for connection, template in list(self.listeners.items()):
            if connection.is_closed():
                del self.listeners[connection]
            else:
                connection.send(dict(template, params={"response": message}))


class StatusEndpoints:
    def __init__(self, printer):
        self.printer = printer
        self.reactor = printer.get_reactor()
        self.refresh = printer.get_start_args()["refresh"]
        self.pending = []
        self.subscribers = {}
        self.last = {}
        self.timer = self.reactor.register_timer(self._refresh)
        webhooks = printer.lookup_object("webhooks")
        webhooks.register_endpoint("objects/list", self._list)
        webhooks.register_endpoint("objects/query", self._query)
        webhooks.register_endpoint("objects/subscribe", self._subscribe)

    def _list(self, request):
        request.send({"objects": [name for name, thing
                                  in self.printer.lookup_objects()
                                  if hasattr(thing, "get_status")]})

    def _query(self, request):
        wanted = _wanted(request)
        answer = self.reactor.completion()
        self.pending.append((wanted, answer))
        # Where somebody subscribed, a query is answered with the next refresh.
        if not self.subscribers:
            self.reactor.update_timer(self.timer, self.reactor.NOW)
        request.send(answer.wait())
        return wanted

    def _subscribe(self, request):
        connection = request.get_client_connection()
        self.subscribers.pop(connection, None)
        wanted = self._query(request)
        self.subscribers[connection] = (
            wanted, request.get_dict("response_template", {}))

    def _refresh(self, eventtime):
        pending, self.pending = self.pending, []
        before, self.last = self.last, {}
        with self.reactor.assert_no_pause():
            for wanted, answer in pending:
                answer.complete({"eventtime": eventtime, "status": {
                    name: self._pick(wanted, name, eventtime)
                    for name in wanted}})
            for connection, (wanted, template) in list(self.subscribers.items()):
                if connection.is_closed():
                    del self.subscribers[connection]
                    continue
                self._update(connection, wanted, template, before, eventtime)
        # A query may be the first half of a subscription: look once more.
        return (eventtime + self.refresh if self.subscribers or pending
                else self.reactor.NEVER)

    def _update(self, connection, wanted, template, before, eventtime):
        status = {}
        for name in wanted:
            old = before.get(name, {})
            changed = {key: value for key, value
                       in self._pick(wanted, name, eventtime).items()
                       if key not in old or value != old[key]}
            if changed:
                status[name] = changed
        if status:
            connection.send(dict(template, params={"eventtime": eventtime,
                                                   "status": status}))

    def _pick(self, wanted, name, eventtime):
        if name not in self.last:
            thing = self.printer.lookup_object(name, None)
            self.last[name] = (thing.get_status(eventtime)
                               if hasattr(thing, "get_status") else {})
        status = self.last[name]
        keys = wanted[name] if wanted[name] is not None else list(status)
        return {key: status.get(key) for key in keys}


def _wanted(request):
    wanted = request.get_dict("objects")
    for keys in wanted.values():
        if keys is not None and not (isinstance(keys, list) and all(
                isinstance(key, str) for key in keys)):
            raise request.error("Invalid argument")
    return dict(wanted)
