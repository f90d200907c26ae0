"""Parses and dispatches G-code lines."""
# SPDX-License-Identifier: MIT OR Apache-2.0
import logging
import re
import shlex


class CommandError(Exception):
    pass


_REQUIRED = object()
_WORDS = re.compile(r"([A-Z_]+|[A-Z*])")
TRADITIONAL = re.compile(r"[A-Z][0-9]+(?:\.[0-9]*)?")


class Command:
    error = CommandError

    def __init__(self, dispatch, command, line, params, need_ack):
        self._command = command
        self._line = line
        self._params = params
        self._need_ack = need_ack
        self.respond_info = dispatch.respond_info
        self.respond_raw = dispatch.respond_raw

    def get_command(self):
        return self._command

    def get_commandline(self):
        return self._line

    def get_command_parameters(self):
        return self._params

    def get_raw_command_parameters(self):
        line, length = self._line, len(self._command)
        if line[:length].upper() == self._command:
            rest = line[length:]
        else:
            # Behind a line number, and then without a checksum.
            rest = line[line.upper().find(self._command) + length:]
            text, star, number = rest.rpartition("*")
            if star and number.isdigit():
                rest = text
        return rest[1:] if rest[:1].isspace() else rest

    def ack(self, message=None):
        if not self._need_ack:
            return False
        self.respond_raw("ok %s" % message if message else "ok")
        self._need_ack = False
        return True

    def get(self, name, default=_REQUIRED, parser=str, minval=None,
            maxval=None, above=None, below=None):
        value = self._params.get(name)
        if value is None:
            if default is _REQUIRED:
                raise CommandError("Error on '%s': missing %s"
                                   % (self._line, name))
            return default
        try:
            value = parser(value)
        except ValueError:
            raise CommandError("Error on '%s': unable to parse %s"
                               % (self._line, value))
        for refused, text in ((minval is not None and value < minval, "minimum"),
                              (maxval is not None and value > maxval, "maximum"),
                              (above is not None and value <= above, "above"),
                              (below is not None and value >= below, "below")):
            if refused:
                raise CommandError("Error on '%s': %s is out of range (%s)"
                                   % (self._line, name, text))
        return value

    def get_int(self, name, default=_REQUIRED, minval=None, maxval=None):
        return self.get(name, default, int, minval, maxval)

    def get_float(self, name, default=_REQUIRED, minval=None, maxval=None,
                  above=None, below=None):
        return self.get(name, default, float, minval, maxval, above, below)


class Dispatch:
    """The printer object `gcode`."""
    error = CommandError

    def __init__(self, printer):
        self.printer = printer
        self.mutex = printer.get_reactor().mutex()
        self.ready = False
        self.handlers = {}
        self.early = {}
        self.help = {}
        self.outputs = []
        for name, command, text in (
                ("M110", self._nothing, None), ("M112", self._stop, None),
                ("M115", self._firmware, None),
                ("RESTART", self._restart, "Reload config file and restart"),
                ("FIRMWARE_RESTART", self._firmware_restart,
                 "Restart firmware, host, and reload config"),
                ("ECHO", self._echo, None), ("STATUS", self._status, None),
                ("HELP", self._help, None)):
            self.register_command(name, command, True, text)
        printer.register_event_handler("klippy:ready", self._on_ready)
        printer.register_event_handler("klippy:shutdown", self._on_shutdown)
        printer.register_event_handler("klippy:disconnect", self._on_disconnect)

    # Registration
    def register_command(self, cmd, func, when_not_ready=False, desc=None):
        if func is None:
            self.early.pop(cmd, None)
            return self.handlers.pop(cmd, None)
        if cmd in self.handlers:
            raise self.printer.config_error(
                "gcode command %s already registered" % (cmd,))
        handler = func if TRADITIONAL.fullmatch(cmd) else (
            lambda gcmd: func(self._with_extended_params(gcmd)))
        self.handlers[cmd] = handler
        if when_not_ready:
            self.early[cmd] = handler
        if desc is not None:
            self.help[cmd] = desc

    def register_output_handler(self, callback):
        self.outputs.append(callback)

    def create_gcode_command(self, command, commandline, params):
        return Command(self, command, commandline, params, False)

    def get_command_help(self):
        return dict(self.help)

    def get_mutex(self):
        return self.mutex

    def get_status(self, eventtime):
        handlers = self.handlers if self.ready else self.early
        return {"commands": {name: {"help": self.help[name]}
                             if name in self.help else {}
                             for name in handlers}}

    # Running
    def run_script(self, script):
        with self.mutex:
            self.run_script_from_command(script)

    def run_script_from_command(self, script):
        for line in script.split("\n"):
            self._run_line(line)

    def _run_line(self, line):
        line = line.strip()
        words = _WORDS.split(line.partition(";")[0].upper())
        first = 3 if words[:2] == ["", "N"] else 1
        name = ("".join(words[:3]) if first == 1
                else "".join(words[3:5])).strip()
        params = {words[i]: words[i + 1].strip()
                  for i in range(1, len(words) - 1, 2)}
        gcmd = Command(self, name, line, params, False)
        handlers = self.handlers if self.ready else self.early
        try:
            handlers.get(name, self._unknown)(gcmd)
        except CommandError as e:
            self._respond_error(str(e))
            self.printer.send_event("gcode:command_error")
            raise
        except Exception:
            message = 'Internal error on command:"%s"' % (name,)
            logging.exception(message)
            self.printer.invoke_shutdown(message)
            self._respond_error(message)
            raise

    def _with_extended_params(self, gcmd):
        lexer = shlex.shlex(gcmd.get_raw_command_parameters(), posix=True)
        lexer.whitespace_split = True
        lexer.commenters = "#;"
        try:
            pairs = [word.split("=", 1) for word in lexer]
            params = {name.upper(): value for name, value in pairs}
        except ValueError:
            raise CommandError("Malformed command '%s'"
                               % (gcmd.get_commandline(),))
        gcmd._params.clear()
        gcmd._params.update(params)
        return gcmd

    def _unknown(self, gcmd):
        name = gcmd.get_command()
        if name in ("M105", "M21"):
            gcmd.ack("T:0")
            return
        if not self.ready:
            raise CommandError(self.printer.get_state_message()[0])
        if not name:
            return
        # What is shown may begin with numbers, which stay with the name.
        first = name.split()[0] if " " in name else None
        if first in ("M117", "M118", "M23") and first in self.handlers:
            gcmd._command = first
            self.handlers[first](gcmd)
            return
        gcmd.respond_info('Unknown command:"%s"' % (name,))

    # Responses
    def respond_raw(self, message):
        for callback in self.outputs:
            callback(message)

    def respond_info(self, message, log=True):
        if log:
            logging.info(message)
        lines = [line.strip() for line in message.strip().split("\n")]
        self.respond_raw("// " + "\n// ".join(lines))

    def _respond_error(self, message):
        logging.warning(message)
        lines = message.strip().split("\n")
        if len(lines) > 1:
            self.respond_info("\n".join(lines), log=False)
        self.respond_raw("!! %s" % (lines[0].strip(),))

    # Events
    def _on_ready(self):
        self.ready = True
        self.respond_info("Klipper state: Ready", log=False)

    def _on_shutdown(self):
        self.ready = False
        self.respond_info("Klipper state: Shutdown", log=False)

    def _on_disconnect(self):
        self.respond_info("Klipper state: Disconnect", log=False)

    # Commands that work in every state
    def _nothing(self, gcmd):
        pass

    def _stop(self, gcmd):
        self.printer.invoke_shutdown("Shutdown due to M112 command")

    def _firmware(self, gcmd):
        gcmd.respond_info("FIRMWARE_NAME:Klipper FIRMWARE_VERSION:%s"
                          % (self.printer.get_start_args()["software_version"],))

    def _restart(self, gcmd):
        self.printer.request_exit("restart")

    def _firmware_restart(self, gcmd):
        self.printer.request_exit("firmware_restart")

    def _echo(self, gcmd):
        gcmd.respond_info(gcmd.get_commandline(), log=False)

    def _status(self, gcmd):
        if not self.ready:
            raise CommandError("%s\nKlipper state: Not ready"
                               % (self.printer.get_state_message()[0].rstrip(),))
        gcmd.respond_info("Klipper state: Ready", log=False)

    def _help(self, gcmd):
        gcmd.respond_info("Available extended commands:\n" + "\n".join(
            "%-10s: %s" % item for item in sorted(self.help.items())))
