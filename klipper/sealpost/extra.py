# The printer object [sealpost]: the held job, its commands and its outcome.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import logging
import os
import pwd
import re

from . import descriptor, handover, player, rules
from .reader import SealedReader
from .refusal import Refusal
from .traces import Traces

VERSION = "0.1.0"
JOB = re.compile(r"[a-z0-9_-]{1,64}")
STUB = re.compile(r"sealpost/([a-z0-9_-]{1,64})\.gcode")
ALIAS = re.compile(r"virtual_([a-z0-9_-]{1,64})\.gcode")
MAX_LAYERS = 1000000
WATCH = 0.25


class _Memory:
    # RESTART makes a new printer object in the same process: what was started
    # once, and how the last print ended, has to outlive it.
    started = set()
    last = None


class Job:
    def __init__(self, job, fd, size, layers, path, is_shutdown, judge):
        self.job = job
        self.name = "sealpost/%s.gcode" % (job,)
        self.size = size
        self.layers = layers
        self.started = False
        self.traces = None
        self.position = 0
        self.reader = SealedReader(fd, size, path, is_shutdown, judge)


class Sealpost:
    def __init__(self, config):
        self.printer = config.get_printer()
        self.reactor = self.printer.get_reactor()
        self.gcode = self.printer.lookup_object("gcode")
        self.held = None
        self.watch = None
        self.undo = []
        self.vsd = self.player = self.socket = None
        if config.has_section("virtual_sdcard"):
            self.vsd = self.printer.load_object(config, "virtual_sdcard")
            self.player = player.choose(self.printer, self.vsd)
        self.compatible = config.getboolean("compatible", False)
        # Klipper does not start with an option that nobody has read.
        config.get("agent_user", None), config.get("socket", None)
        self.table = rules.load_table()
        if self.player is None:
            # An update of Klipper can come over night: everything else still
            # prints.
            _keep_away("there is no virtual_sdcard that it knows")
            return
        self.dumpable = descriptor.hide_process()
        known = self._register_commands()
        self.printer.register_event_handler("klippy:shutdown",
                                            self._handle_shutdown)
        self.printer.register_event_handler("klippy:disconnect",
                                            self._handle_disconnect)
        if known:
            self.socket = self._listen(config)

    def get_status(self, eventtime):
        self._settle(eventtime)
        job = self.held
        status = {"version": VERSION, "state": self._state(), "job": None,
                  "position": 0, "size": 0, "last": _Memory.last,
                  "socket": self.socket and self.socket.path}
        if job is not None:
            status["job"] = job.job
            status["size"] = job.size
            if job.started:
                status["position"] = self.player.position(job)
        return status

    # Setting up
    def _listen(self, config):
        # Whatever keeps purchased files away, the printer starts: without the
        # agent's user or the socket's folder everything else still prints.
        agent = _agent(config)
        path = config.get("socket", None)
        if path is None:
            args = self.printer.get_start_args()
            if args.get("debuginput") is not None:
                return None
            path = _default_socket(args)
        path = os.path.abspath(os.path.expanduser(path))
        if agent is None:
            return None
        try:
            return handover.Handover(self.reactor, path, agent[0], agent[1],
                                     self._greeting, self._answer)
        except OSError as e:
            logging.error("sealpost: takes no purchased files: cannot listen"
                          " on %s: %s", path, e.strerror or e)
            return None

    def _register_commands(self):
        # False where one is not there that could start a purchased file.
        known = all([self._wrap("SDCARD_PRINT_FILE", self._print_file),
                     self._wrap("M23", self._select_file),
                     self._wrap("M26", self._set_position)])
        if not known:
            return False
        for name, command, text in (
                ("SET_GCODE_FD", self._cmd_start,
                 "Starts a file that was handed over in memory"),
                ("SEALPOST_JOB", self._cmd_stub,
                 "Stands in the stub of a purchased file; never prints"),
                ("REGISTER_ENCRYPTED_FILE", self._cmd_register,
                 "Takes a sealed file from another process"),
                ("LOAD_ENCRYPTED_FILE", self._cmd_register,
                 "Takes a sealed file from another process")):
            self.gcode.register_command(name, self._guard(command), desc=text)
        return True

    def _wrap(self, name, mine):
        # `mine` says whether the command was about a purchased file.
        desc = getattr(self.vsd, "cmd_%s_help" % (name,), None)
        original = self.gcode.register_command(name, None)
        if original is None:
            _keep_away("there is no command %s to extend" % (name,))
            return False
        mine = self._guard(mine)

        def command(gcmd):
            if not mine(gcmd):
                original(gcmd)
        self.gcode.register_command(name, command, desc=desc)
        return True

    def _guard(self, command):
        # Klipper shuts the printer down on any other exception.
        def guarded(gcmd):
            try:
                return command(gcmd)
            except Refusal as refusal:
                raise gcmd.error("Sealpost: %s" % (refusal.message,))
            except self.printer.command_error:
                raise
            except Exception:
                logging.exception("sealpost: command")
                raise gcmd.error("Sealpost: internal error, see klippy.log")
        return guarded

    # Requests on the hand-over socket
    def _greeting(self):
        return {"sealpost": 1, "version": VERSION, "pid": os.getpid(),
                "dumpable": self.dumpable, "reader": self.player.kind,
                "state": self._state()}

    def _answer(self, request, fds):
        op = request["op"]
        if op == "load":
            return self._load(request, fds)
        if op == "status":
            return self.get_status(self.reactor.monotonic())
        if op == "drop":
            return self._drop(request)
        raise Refusal("bad_request", "unknown op")

    def _load(self, request, fds):
        job, size = request.get("job"), request.get("size")
        layers = request.get("layers")
        if not isinstance(job, str) or not JOB.fullmatch(job):
            raise Refusal("bad_request", "job must match [a-z0-9_-]{1,64}")
        if request.get("name") != "sealpost/%s.gcode" % (job,):
            raise Refusal("bad_request", "name must be sealpost/<job>.gcode")
        if type(size) is not int or size <= 0:
            raise Refusal("bad_request", "size must be a number of bytes")
        if layers is not None and not (
                type(layers) is int and 0 <= layers <= MAX_LAYERS):
            raise Refusal("bad_request", "layers must be a number or null")
        self._check_free(job)
        if len(fds) != 1:
            raise Refusal("bad_fd", "exactly one descriptor belongs to a load")
        descriptor.check_sealed(fds[0], size)
        approved, usual = _approvals(request)
        self._hold(job, fds.pop(), size, layers, self._judge_for(approved,
                                                                 usual))
        return {"job": job, "name": self.held.name}

    def _drop(self, request):
        self._settle()
        job = self.held
        if job is None or job.job != request.get("job"):
            raise Refusal("unknown_job", "that job is not held")
        if job.started:
            raise Refusal("printing", "the job is being printed")
        self._finish("dropped", "the agent took it back")
        return {"job": job.job}

    # The held job
    def _check_free(self, job):
        self._settle()
        if self.printer.get_state_message()[1] != "ready":
            raise Refusal("not_ready", "Klipper is not ready")
        if job in _Memory.started:
            raise Refusal("already_started", "the job was started before")
        if self.held is not None and self.held.started:
            raise Refusal("busy", "another job is being printed")

    def _judge_for(self, approved, usual):
        # What the agent checked is checked once more, line by line.
        settings = self.printer.lookup_object("configfile").get_status(
            None)["settings"]
        commands = self.gcode.get_status(None).get("commands", {})
        limits = rules.Printer(settings, commands, approved, usual)
        if None in limits.ends.values():
            raise Refusal("not_ready", "the limits of the printer are unknown")
        return rules.Rules(self.table, limits)

    def _hold(self, job, fd, size, layers, judge):
        if self.held is not None:
            self._finish("dropped", "another file came in its place")
        path = self.player.path_of("sealpost/%s.gcode" % (job,))
        self.held = Job(job, fd, size, layers, path, self.printer.is_shutdown,
                        judge)
        logging.info("sealpost: job %s is held (%d bytes)", job, size)

    def _start(self, gcmd):
        job = self.held
        _Memory.started.add(job.job)
        job.started = True
        job.traces = Traces(self.printer)
        job.reader.on_close = self._note_close
        gcmd.respond_raw("File opened:%s Size:%d" % (job.name, job.size))
        gcmd.respond_raw("File selected")
        try:
            self.player.start(job)
        except Exception:
            self._finish("error", "the print could not be started")
            raise
        self.watch = self.reactor.register_timer(
            self._handle_watch, self.reactor.monotonic() + WATCH)

    def _state(self):
        if self.held is None:
            return "idle"
        if not self.held.started:
            return "loaded"
        return "printing" if self.player.is_active() else "paused"

    def _note_close(self):
        # Klipper sets its position to 0 right after closing the file.
        self.held.position = self.player.position(self.held)
        self.reactor.register_callback(self._settle)

    def _handle_watch(self, eventtime):
        self._settle(eventtime)
        return self.reactor.NEVER if self.held is None else eventtime + WATCH

    def _settle(self, eventtime=None):
        # Called from timers and status requests, where an exception would
        # shut the printer down.
        if self.held is None or not self.held.started:
            return
        try:
            self._judge(self.reactor.monotonic() if eventtime is None
                        else eventtime)
        except Exception:
            logging.exception("sealpost: outcome")

    def _judge(self, eventtime):
        job = self.held
        if job.reader.blanked:
            return  # The shutdown handler is on its way.
        stats = self.vsd.print_stats.get_status(eventtime)
        ours = stats["filename"] == job.name
        if job.reader.closed:
            if job.reader.at_end:
                self._finish("complete")
            elif ours and stats["state"] == "cancelled":
                self._finish("cancelled")
            else:
                self._finish("cancelled", "the file was taken away before"
                             " its end")
        elif ours and stats["state"] == "error":
            job.position = self.player.position(job)
            self._finish("error", stats["message"])

    def _finish(self, outcome, message=""):
        job, self.held = self.held, None
        job.reader.on_close = None
        job.reader.close()
        if self.watch is not None:
            self.reactor.unregister_timer(self.watch)
            self.watch = None
        _Memory.last = {"job": job.job, "outcome": outcome,
                        "position": job.position, "size": job.size,
                        "message": message.split("\n")[0][:200]}
        logging.info("sealpost: job %s: %s (%d of %d bytes)", job.job,
                     outcome, job.position, job.size)
        if job.traces is not None and outcome != "shutdown":
            self.undo.append((job.traces, set(job.reader.changes)))
            self.reactor.register_callback(self._undo_later)

    def _undo_later(self, eventtime):
        # Behind whatever runs now, such as the owner's CANCEL_PRINT.
        if self.undo:
            with self.gcode.get_mutex():
                self._undo()

    def _undo(self):
        undo, self.undo = self.undo, []
        for traces, used in undo:
            try:
                for line in traces.undo(used):
                    self._run(line)
            except Exception:
                logging.exception("sealpost: traces of a print")

    def _run(self, line):
        try:
            self.gcode.run_script_from_command(line)
        except self.printer.command_error as e:
            logging.warning("sealpost: %s: %s", line, e)

    # Events
    def _handle_shutdown(self):
        self._stop(self.printer.get_state_message()[0])

    def _handle_disconnect(self):
        self._stop("Klipper was restarted")
        if self.socket is not None:
            self.socket.close()

    def _stop(self, message):
        try:
            self._settle()
            job = self.held
            if job is None:
                return
            job.reader.blank()
            if not job.started:
                self._finish("dropped", message)
                return
            job.position = self.player.position(job)
            self._finish("shutdown", message)
        except Exception:
            logging.exception("sealpost: shutdown")

    # Commands
    def _print_file(self, gcmd):
        self._settle()
        self._undo()  # Before anything else is printed.
        name = gcmd.get("FILENAME", "").lower()
        if name.startswith("/"):
            name = name[1:]
        stub, alias = STUB.fullmatch(name), ALIAS.fullmatch(name)
        found = stub or alias
        if found is None:
            return False
        self._settle()
        job = self.held
        if job is None or job.job != found.group(1):
            if alias is not None and self._is_plain(name):
                return False
            raise Refusal("unknown_job", "no file is held for job %s; send"
                          " the print again from where it was bought"
                          % (found.group(1),))
        if job.started:
            raise Refusal("already_started", "job %s was started already"
                          % (job.job,))
        if self.player.is_active():
            raise gcmd.error("SD busy")
        self._start(gcmd)
        return True

    def _is_plain(self, name):
        return any(path.lower() == name for path, size
                   in self.vsd.get_file_list(check_subdirs=True))

    def _select_file(self, gcmd):
        name = gcmd.get_raw_command_parameters().strip().lower()
        if name.startswith("/"):
            name = name[1:]
        if STUB.fullmatch(name) or self.held is not None and (
                name == "virtual_%s.gcode" % (self.held.job,)):
            raise Refusal("bad_request", "a purchased file is started with"
                          " SDCARD_PRINT_FILE")
        return False

    def _set_position(self, gcmd):
        if self.held is not None and self.held.started:
            raise Refusal("printing", "a purchased file cannot be rewound"
                          " or skipped")
        return False

    def _cmd_start(self, gcmd):
        if not self._print_file(gcmd):
            raise Refusal("unknown_job", "no file is held under this name")

    def _cmd_stub(self, gcmd):
        job = self.held
        if job is not None and job.reader.problem is not None:
            raise Refusal("bad_fd", job.reader.problem)
        raise Refusal("unknown_job", "this is only the stub of a purchased"
                      " file; send the print again from where it was bought")

    def _cmd_register(self, gcmd):
        if not self.compatible:
            raise Refusal("bad_request", "set compatible: True in [sealpost]"
                          " to take files this way")
        found = ALIAS.fullmatch(gcmd.get("FILENAME").lower())
        if found is None:
            raise Refusal("bad_request", "FILENAME must be"
                          " virtual_<job>.gcode")
        pid = gcmd.get_int("PID", minval=1)
        number = gcmd.get_int("FD", minval=0)
        layers = gcmd.get_int("LAYER_COUNT", None, minval=0,
                              maxval=MAX_LAYERS)
        self._check_free(found.group(1))
        judge = self._judge_for(None, True)
        fd = descriptor.open_foreign(pid, number)
        try:
            size = descriptor.check_sealed(fd)
        except Refusal:
            os.close(fd)
            raise
        self._hold(found.group(1), fd, size, layers, judge)


def _approvals(request):
    """What the agent says that the owner approved; nothing where it is old."""
    usual = request.get("conventional_macros", True)
    approved = request.get("macros", {})
    if not isinstance(usual, bool) or not rules.are_approvals(approved):
        raise Refusal("bad_request", "macros must map commands to parameters")
    return approved, usual


def _keep_away(why):
    logging.error("sealpost: takes no purchased files: %s", why)


def _agent(config):
    """The user, and the group, that may hand over files; None without."""
    name = config.get("agent_user", None)
    try:
        if name is None:
            try:
                entry = pwd.getpwnam("sealpost")
            except KeyError:
                return os.getuid(), None
        elif name.isdigit():
            try:
                entry = pwd.getpwuid(int(name))
            except KeyError:
                return int(name), None
        else:
            entry = pwd.getpwnam(name)
    except KeyError:
        logging.error("sealpost: takes no purchased files: agent_user: there"
                      " is no user %s", name)
        return None
    return entry.pw_uid, entry.pw_gid


def _default_socket(args):
    api = args.get("apiserver")
    if api:
        folder = os.path.dirname(os.path.abspath(api))
    else:
        config = os.path.abspath(os.path.expanduser(args["config_file"]))
        folder = os.path.join(os.path.dirname(os.path.dirname(config)),
                              "comms")
    return os.path.join(folder, "sealpost.sock")
