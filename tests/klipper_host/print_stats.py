"""The printer object `print_stats`."""
# SPDX-License-Identifier: MIT OR Apache-2.0


class PrintStats:
    def __init__(self, config):
        printer = config.get_printer()
        self.reactor = printer.get_reactor()
        self.gcode_move = printer.load_object(config, "gcode_move")
        self.reset()
        printer.lookup_object("gcode").register_command(
            "SET_PRINT_STATS_INFO", self.cmd_SET_PRINT_STATS_INFO,
            desc="Pass slicer info like layer act and total to klipper")

    def reset(self):
        self.filename = self.error_message = ""
        self.state = "standby"
        self.started = self.paused_at = None
        self.paused = self.total = self.before_extrusion = self.filament = 0.0
        self.last_e = 0.0
        self.total_layer = self.current_layer = None

    def set_current_file(self, filename):
        self.reset()
        self.filename = filename

    def note_start(self):
        now = self.reactor.monotonic()
        if self.started is None:
            self.started = now
        elif self.paused_at is not None:
            self.paused += now - self.paused_at
            self.paused_at = None
        self.last_e = self.gcode_move.position[3]
        self.state = "printing"
        self.error_message = ""

    def note_pause(self):
        if self.paused_at is None:
            self.paused_at = self.reactor.monotonic()
            self._count_filament()
        if self.state != "error":
            self.state = "paused"

    def note_complete(self):
        self._finish("complete", "")

    def note_error(self, message):
        self._finish("error", message)

    def note_cancel(self):
        self._finish("cancelled", "")

    def cmd_SET_PRINT_STATS_INFO(self, gcmd):
        total = gcmd.get_int("TOTAL_LAYER", self.total_layer, minval=0)
        current = gcmd.get_int("CURRENT_LAYER", self.current_layer, minval=0)
        if total == 0:
            self.total_layer = self.current_layer = None
            return
        if total != self.total_layer:
            self.total_layer, self.current_layer = total, 0
        if self.total_layer is not None and current is not None:
            self.current_layer = min(current, self.total_layer)

    def get_status(self, eventtime):
        paused = self.paused
        if self.started is not None:
            if self.paused_at is not None:
                paused += eventtime - self.paused_at
            else:
                self._count_filament()
            self.total = eventtime - self.started
            if not self.filament:
                self.before_extrusion = self.total - paused
        return {"filename": self.filename, "total_duration": self.total,
                "print_duration": self.total - self.before_extrusion - paused,
                "filament_used": self.filament, "state": self.state,
                "message": self.error_message,
                "info": {"total_layer": self.total_layer,
                         "current_layer": self.current_layer}}

    def _count_filament(self):
        position = self.gcode_move.position[3]
        self.filament += position - self.last_e
        self.last_e = position

    def _finish(self, state, message):
        if self.started is None:
            return
        self.state = state
        self.error_message = message
        self.total = self.reactor.monotonic() - self.started
        self.started = None


def load_config(config):
    return PrintStats(config)
