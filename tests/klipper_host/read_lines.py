"""Says how lines are read: JSON texts on standard input, readings on standard output.

Readers: `host` is the stand-in of this folder, `rules` the extra's own, and
`klipper FOLDER` the `klippy/gcode.py` of a real Klipper or Kalico. A reading
is `[command, {parameter: text}, raw]` with what a handler would be given, or
null where no command would run. Errors are `{"error": ...}`.
"""
# SPDX-License-Identifier: MIT OR Apache-2.0
import importlib
import json
import logging
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
TEXTS = ("M117", "M118")


class Reactor:
    NEVER = 9e99

    def mutex(self, is_locked=False):
        return None

    def monotonic(self):
        return 0.


class Printer:
    """As much of a printer as a dispatcher of lines asks for."""
    config_error = ValueError

    def get_reactor(self):
        return Reactor()

    def get_start_args(self):
        return {"software_version": "test"}

    def register_event_handler(self, event, callback):
        pass

    def send_event(self, event, *params):
        pass

    def invoke_shutdown(self, message, *params):
        raise RuntimeError(message)

    def get_state_message(self):
        return "ready", "ready"

    def lookup_object(self, name, default=None):
        return default


class Known(dict):
    """Handlers of every command there could be, made when they are asked for.

    `M117 50` has none, so that the dispatcher looks at its first word.
    """

    def __init__(self, wrap, is_traditional):
        super().__init__()
        self.seen = []
        self.wrap = wrap
        self.is_traditional = is_traditional

    def get(self, name, default=None):
        if not name or any(c.isspace() for c in name):
            return default
        if self.is_traditional(name):
            return self._note
        return lambda gcmd: self._note(self.wrap(gcmd))

    def __contains__(self, name):
        return self.get(name) is not None

    def __getitem__(self, name):
        return self.get(name)

    def _note(self, gcmd):
        self.seen.append([gcmd.get_command(),
                          dict(gcmd.get_command_parameters()),
                          gcmd.get_raw_command_parameters()])


def klipper_reader(folder):
    if os.path.exists(os.path.join(folder, "klippy", "__init__.py")):
        sys.path.insert(0, folder)  # Kalico is a package.
        module = importlib.import_module("klippy.gcode")
    else:
        sys.path.insert(0, os.path.join(folder, "klippy"))
        module = importlib.import_module("gcode")
    return _reader(module.GCodeDispatch(Printer()))


def host_reader():
    sys.path.insert(0, str(HERE.parent))
    return _reader(importlib.import_module(
        "klipper_host.gcode").Dispatch(Printer()))


def _reader(dispatch):
    wrap = getattr(dispatch, "_get_extended_params", None) or (
        dispatch._with_extended_params)
    is_traditional = getattr(dispatch, "is_traditional_gcode", None) or (
        importlib.import_module("klipper_host.gcode").TRADITIONAL.fullmatch)
    known = Known(wrap, is_traditional)
    for name in ("gcode_handlers", "ready_gcode_handlers", "handlers",
                 "early"):
        if hasattr(dispatch, name):
            setattr(dispatch, name, known)
    for name in ("is_printer_ready", "ready"):
        if hasattr(dispatch, name):
            setattr(dispatch, name, True)

    def read(line):
        known.seen = []
        # Files are split at newlines before; a script is too.
        dispatch.run_script_from_command(line)
        return known.seen[-1] if known.seen else None
    return read


def rules_reader():
    sys.path.insert(0, str(HERE.parent.parent / "klipper"))
    rules = importlib.import_module("sealpost.rules")
    table = rules.load_table()
    texts = table["commands"]

    def read(line):
        found = rules.read(line, lambda command: texts.get(
            command, {}).get("text", False))
        if found is None:
            return None
        command, values = found
        if command in TEXTS:
            return [command, {}, values]
        return [command, values, None]
    return read


def main():
    logging.disable(logging.CRITICAL)
    if sys.argv[1] == "klipper":
        read = klipper_reader(sys.argv[2])
    else:
        read = {"host": host_reader, "rules": rules_reader}[sys.argv[1]]()
    for line in sys.stdin:
        try:
            answer = read(json.loads(line))
        except Exception as e:
            code = getattr(e, "code", None)
            answer = {"error": code or type(e).__name__}
        sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
