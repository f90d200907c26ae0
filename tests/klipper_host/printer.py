"""The printer object: configuration, objects, events and states."""
# SPDX-License-Identifier: MIT OR Apache-2.0
import importlib
import importlib.util
import logging
import os
import time

from . import machine, macros, pause_resume, print_stats, virtual_sdcard
from .config import ConfigError, ConfigFile
from .gcode import CommandError, Dispatch
from .queries import GcodeEndpoints, StatusEndpoints
from .webhooks import WebHooks

READY = "Printer is ready"
STARTUP = "Printer is not ready\nThe host is attempting to connect."
HALTED = "Once the underlying issue is corrected, use the RESTART command."
STOPPED = ("Once the underlying issue is corrected, use the FIRMWARE_RESTART"
           " command.\nPrinter is shutdown")

BUILT_IN = {
    "virtual_sdcard": virtual_sdcard.load_config,
    "print_stats": print_stats.load_config,
    "pause_resume": pause_resume.load_config,
    "gcode_move": machine.load_config,
    "gcode_macro": macros.load_config,
    "display_status": lambda config: machine.DisplayStatus(config.get_printer()),
    "exclude_object": lambda config: machine.ExcludeObject(config.get_printer()),
    "respond": lambda config: machine.Respond(config.get_printer()),
}
# Sections of hardware and comfort: accepted, without anything behind them.
LENIENT = {"adc_temperature", "extruder", "fan", "force_move", "gcode_arcs",
           "heater_bed", "idle_timeout", "mcu", "printer", "stepper_x",
           "stepper_y", "stepper_z"}
_REQUIRED = object()


class Printer:
    config_error = ConfigError
    command_error = CommandError

    def __init__(self, reactor, start_args, pace):
        self.reactor = reactor
        self.start_args = start_args
        self.pace = pace
        self.objects = {}
        self.event_handlers = {}
        self.state_message = STARTUP
        self.in_shutdown_state = False
        self.run_result = None
        reactor.register_callback(self._connect)
        self.objects["gcode"] = Dispatch(self)
        self.objects["webhooks"] = WebHooks(self)
        GcodeEndpoints(self)
        StatusEndpoints(self)

    # Objects
    def get_start_args(self):
        return self.start_args

    def get_reactor(self):
        return self.reactor

    def add_object(self, name, thing):
        if name in self.objects:
            raise ConfigError("Printer object '%s' already created" % (name,))
        self.objects[name] = thing

    def lookup_object(self, name, default=_REQUIRED):
        if name in self.objects:
            return self.objects[name]
        if default is _REQUIRED:
            raise ConfigError("Unknown config object '%s'" % (name,))
        return default

    def lookup_objects(self, module=None):
        return [(name, thing) for name, thing in self.objects.items()
                if module is None or name.split()[0] == module]

    def load_object(self, config, section, default=_REQUIRED):
        if section in self.objects:
            return self.objects[section]
        name, _, rest = section.partition(" ")
        load = self._loader(name, bool(rest))
        if load is None:
            if default is _REQUIRED:
                raise ConfigError("Unable to load module '%s'" % (section,))
            return default
        self.objects[section] = load(config.getsection(section))
        return self.objects[section]

    def _loader(self, name, prefixed):
        if name in BUILT_IN:
            return macros.load_config_prefix if prefixed else BUILT_IN[name]
        if importlib.util.find_spec("extras." + name) is None:
            return None
        module = importlib.import_module("extras." + name)
        return getattr(module, "load_config_prefix" if prefixed
                       else "load_config", None)

    # Events and states
    def register_event_handler(self, event, callback):
        self.event_handlers.setdefault(event, []).append(callback)

    def send_event(self, event, *params):
        return [callback(*params)
                for callback in self.event_handlers.get(event, [])]

    def get_state_message(self):
        if self.state_message == READY:
            return self.state_message, "ready"
        if self.state_message == STARTUP:
            return self.state_message, "startup"
        return self.state_message, (
            "shutdown" if self.in_shutdown_state else "error")

    def is_shutdown(self):
        return self.in_shutdown_state

    def invoke_shutdown(self, message, details=None):
        if self.in_shutdown_state:
            return
        logging.error("Transition to shutdown state: %s", message)
        self.in_shutdown_state = True
        self.state_message = "%s\n%s" % (message, STOPPED)
        with self.reactor.assert_no_pause():
            for event, params in (("klippy:shutdown", ()),
                                  ("klippy:analyze_shutdown",
                                   (message, details or {}))):
                for callback in self.event_handlers.get(event, []):
                    try:
                        callback(*params)
                    except Exception:
                        logging.exception("Exception during shutdown handler")

    def invoke_async_shutdown(self, message, details=None):
        self.reactor.register_async_callback(
            lambda e: self.invoke_shutdown(message, details))

    def request_exit(self, result):
        if self.run_result is None:
            self.run_result = result
        self.reactor.end()

    # Life
    def run(self):
        logging.info("Start printer at %s", time.asctime())
        while self.run_result is None:
            try:
                self.reactor.run()
            except Exception:
                message = "Unhandled exception during run"
                logging.exception(message)
                self.reactor.register_callback(
                    lambda e: self.invoke_shutdown(message))
        if self.run_result == "firmware_restart":
            self.send_event("klippy:firmware_restart")
        self.send_event("klippy:disconnect")
        return self.run_result

    def _connect(self, eventtime):
        self._start()
        if self.start_args.get("announce"):
            print(self.get_state_message()[1], flush=True)

    def _start(self):
        try:
            self._read_config()
            self.send_event("klippy:mcu_identify")
            self.send_event("klippy:connect")
        except ConfigError as e:
            logging.exception("Config error")
            self.state_message = "%s\n%s" % (e, HALTED)
            return
        except Exception as e:
            logging.exception("Unhandled exception during connect")
            self.state_message = "Internal error during connect: %s\n%s" % (
                e, HALTED)
            return
        self.state_message = READY
        try:
            with self.reactor.assert_no_pause():
                self.send_event("klippy:ready")
        except Exception as e:
            logging.exception("Unhandled exception during ready callback")
            self.invoke_shutdown("Internal error during ready callback: %s"
                                 % (e,))

    def _read_config(self):
        configfile = ConfigFile(
            self, os.path.expanduser(self.start_args["config_file"]))
        self.objects["configfile"] = configfile
        config = configfile.root
        machine.add_objects(self)
        self.load_object(config, "gcode_move")
        for section in config.get_prefix_sections(""):
            if section.get_name().split()[0] not in LENIENT:
                self.load_object(config, section.get_name(), None)
        configfile.check_unused(self.objects, LENIENT)
