"""The printer object `virtual_sdcard`, with Klipper's way of reading."""
# SPDX-License-Identifier: MIT OR Apache-2.0
import io
import logging
import os

EXTENSIONS = ("gcode", "g", "gco")
CHUNK = 8192


class VirtualSD:
    def __init__(self, config):
        self.printer = config.get_printer()
        self.reactor = self.printer.get_reactor()
        self.gcode = self.printer.lookup_object("gcode")
        self.sdcard_dirname = os.path.normpath(
            os.path.expanduser(config.get("path")))
        self.print_stats = self.printer.load_object(config, "print_stats")
        macros = self.printer.load_object(config, "gcode_macro")
        self.on_error_gcode = macros.load_template(config, "on_error_gcode", "")
        self.pace = self.printer.pace
        self.current_file = None
        self.file_position = self.file_size = 0
        self.next_file_position = 0
        self.work_timer = None
        self.must_pause_work = self.cmd_from_sd = False
        for name in ("M20", "M21", "M23", "M24", "M25", "M26", "M27",
                     "SDCARD_RESET_FILE", "SDCARD_PRINT_FILE"):
            self.gcode.register_command(name, getattr(self, "cmd_" + name))
        for name in ("M28", "M29", "M30"):
            self.gcode.register_command(name, self._refuse_write)
        if self.printer.get_start_args().get("early_dump"):
            self.printer.register_event_handler(
                "klippy:shutdown", lambda: self._log_surroundings(True))
        else:
            self.printer.register_event_handler(
                "klippy:analyze_shutdown",
                lambda message, details: self._log_surroundings(False))

    # Status
    def get_status(self, eventtime):
        return {"file_path": self.file_path(), "progress": self.progress(),
                "is_active": self.is_active(),
                "file_position": self.file_position,
                "file_size": self.file_size}

    def file_path(self):
        return self.current_file.name if self.current_file else None

    def progress(self):
        return self.file_position / self.file_size if self.file_size else 0.0

    def is_active(self):
        return self.work_timer is not None

    def is_cmd_from_sd(self):
        return self.cmd_from_sd

    def get_file_position(self):
        return self.next_file_position

    def set_file_position(self, position):
        self.next_file_position = position

    def get_file_list(self, check_subdirs=False):
        found = []
        for root, folders, names in os.walk(self.sdcard_dirname,
                                            followlinks=True):
            if not check_subdirs:
                folders[:] = []
            for name in names:
                path = os.path.join(root, name)
                if not check_subdirs or name.rpartition(".")[2] in EXTENSIONS:
                    found.append((os.path.relpath(path, self.sdcard_dirname),
                                  os.path.getsize(path)))
        return sorted(found, key=lambda item: item[0].lower())

    # What others make it do
    def do_pause(self):
        if self.work_timer is None:
            return
        self.must_pause_work = True
        while self.work_timer is not None and not self.cmd_from_sd:
            self.reactor.pause(self.reactor.monotonic() + 0.001)

    def do_resume(self):
        if self.work_timer is not None:
            raise self.gcode.error("SD busy")
        self.must_pause_work = False
        self.work_timer = self.reactor.register_timer(self._work,
                                                      self.reactor.NOW)

    def do_cancel(self):
        if self.current_file is not None:
            self.do_pause()
            self.current_file.close()
            self.current_file = None
            self.print_stats.note_cancel()
        self.file_position = self.file_size = 0

    def _reset_file(self):
        if self.current_file is not None:
            self.do_pause()
            self.current_file.close()
            self.current_file = None
        self.file_position = self.file_size = 0
        self.print_stats.reset()
        self.printer.send_event("virtual_sdcard:reset_file")

    # Commands
    def cmd_SDCARD_PRINT_FILE(self, gcmd):
        self._refuse_busy()
        self._reset_file()
        self._load(gcmd, gcmd.get("FILENAME"), True)
        self.do_resume()

    def cmd_SDCARD_RESET_FILE(self, gcmd):
        if self.cmd_from_sd:
            raise gcmd.error("SDCARD_RESET_FILE cannot be run from the sdcard")
        self._reset_file()

    def cmd_M20(self, gcmd):
        gcmd.respond_raw("Begin file list")
        for name, size in self.get_file_list():
            gcmd.respond_raw("%s %d" % (name, size))
        gcmd.respond_raw("End file list")

    def cmd_M21(self, gcmd):
        gcmd.respond_raw("SD card ok")

    def cmd_M23(self, gcmd):
        self._refuse_busy()
        self._reset_file()
        self._load(gcmd, gcmd.get_raw_command_parameters().strip(), False)

    def cmd_M24(self, gcmd):
        self.do_resume()

    def cmd_M25(self, gcmd):
        self.do_pause()

    def cmd_M26(self, gcmd):
        self._refuse_busy()
        self.file_position = gcmd.get_int("S", minval=0)

    def cmd_M27(self, gcmd):
        if self.current_file is None:
            gcmd.respond_raw("Not SD printing.")
            return
        gcmd.respond_raw("SD printing byte %d/%d"
                         % (self.file_position, self.file_size))

    def _refuse_write(self, gcmd):
        raise gcmd.error("SD write not supported")

    def _refuse_busy(self):
        if self.work_timer is not None:
            raise self.gcode.error("SD busy")

    def _load(self, gcmd, filename, check_subdirs):
        if filename.startswith("/"):
            filename = filename[1:]
        names = [name for name, _ in self.get_file_list(check_subdirs)]
        lower = {name.lower(): name for name in names}
        try:
            name = filename if filename in names else lower[filename.lower()]
            path = os.path.join(self.sdcard_dirname, name)
            file = io.open(path, "r", newline="", encoding="utf-8")
            size = os.path.getsize(path)
        except (KeyError, OSError):
            logging.exception("virtual_sdcard file open")
            raise gcmd.error("Unable to open file")
        gcmd.respond_raw("File opened:%s Size:%d" % (filename, size))
        gcmd.respond_raw("File selected")
        self.current_file = file
        self.file_position = 0
        self.file_size = size
        self.print_stats.set_current_file(filename)

    # Printing
    def _work(self, eventtime):
        logging.info("Starting SD card print (position %d)", self.file_position)
        self.reactor.unregister_timer(self.work_timer)
        if not self._seek():
            return self.reactor.NEVER
        self.print_stats.note_start()
        error = self._print_lines()
        logging.info("Exiting SD card print (position %d)", self.file_position)
        self.work_timer = None
        self.cmd_from_sd = False
        if error is not None:
            self.print_stats.note_error(error)
        elif self.current_file is not None:
            self.print_stats.note_pause()
        else:
            self.print_stats.note_complete()
        return self.reactor.NEVER

    def _seek(self):
        try:
            self.current_file.seek(self.file_position)
        except Exception:
            logging.exception("virtual_sdcard seek")
            self.work_timer = None
            return False
        return True

    def _print_lines(self):
        """Runs lines until something stops it; returns a G-code error."""
        lines, partial = [], ""
        while not self.must_pause_work:
            if not lines:
                try:
                    data = self.current_file.read(CHUNK)
                except Exception:
                    logging.exception("virtual_sdcard read")
                    return None
                if not data:
                    # What is left in `partial` is never run.
                    self.current_file.close()
                    self.current_file = None
                    self.gcode.respond_raw("Done printing file")
                    return None
                lines = (partial + data).split("\n")
                partial = lines.pop()
                lines.reverse()
                self.reactor.pause(self.reactor.NOW)
                continue
            if self.gcode.get_mutex().test():
                self.reactor.pause(self.reactor.monotonic() + 0.050)
                continue
            now = self.reactor.monotonic()
            if self.pace.next_time() > now:
                self.reactor.pause(self.pace.next_time())
                continue
            line = lines.pop()
            after = self.file_position + len(line.encode()) + 1
            self.next_file_position = after
            self.cmd_from_sd = True
            try:
                self.pace.note(line, now)
                self.gcode.run_script(line)
            except self.gcode.error as e:
                self._run_on_error()
                return str(e)
            except Exception:
                logging.exception("virtual_sdcard dispatch")
                return None
            self.cmd_from_sd = False
            self.file_position = self.next_file_position
            if self.next_file_position != after:
                lines, partial = [], ""
                if not self._seek():
                    return None
        return None

    def _run_on_error(self):
        try:
            self.gcode.run_script(self.on_error_gcode.render())
        except Exception:
            logging.exception("virtual_sdcard on_error")

    def _log_surroundings(self, at_once):
        if self.work_timer is None:
            return
        self.must_pause_work = True
        file, position = self.current_file, self.file_position

        def log(eventtime):
            start = max(position - 1024, 0)
            try:
                file.seek(start)
                data = file.read(position - start + 128)
            except Exception:
                logging.exception("virtual_sdcard shutdown read")
                return
            logging.info("Virtual sdcard (%d): %r\nUpcoming (%d): %r", start,
                         data[:position - start], position,
                         data[position - start:])
        if at_once:
            log(self.reactor.monotonic())
        else:
            self.reactor.register_callback(log)


def load_config(config):
    return VirtualSD(config)
