"""The printer object `pause_resume`."""
# SPDX-License-Identifier: MIT OR Apache-2.0


class PauseResume:
    def __init__(self, config):
        self.printer = config.get_printer()
        self.gcode = self.printer.lookup_object("gcode")
        config.getfloat("recover_velocity", 50.0)
        self.vsd = None
        self.is_paused = self.sd_paused = self.sent = False
        for name in ("PAUSE", "RESUME", "CLEAR_PAUSE", "CANCEL_PRINT"):
            self.gcode.register_command(name, getattr(self, "cmd_" + name))
        webhooks = self.printer.lookup_object("webhooks")
        for path, command in (("pause", "PAUSE"), ("resume", "RESUME"),
                              ("cancel", "CANCEL_PRINT")):
            webhooks.register_endpoint(
                "pause_resume/" + path,
                lambda request, command=command: self.gcode.run_script(command))
        self.printer.register_event_handler("klippy:connect", self._on_connect)

    def get_status(self, eventtime):
        return {"is_paused": self.is_paused}

    def _on_connect(self):
        self.vsd = self.printer.lookup_object("virtual_sdcard", None)

    def _sd_active(self):
        return self.vsd is not None and self.vsd.is_active()

    def cmd_PAUSE(self, gcmd):
        if self.is_paused:
            gcmd.respond_info("Print already paused")
            return
        if not self.sent:
            self.sd_paused = self._sd_active()
            if self.sd_paused:
                self.vsd.do_pause()
            else:
                gcmd.respond_info("action:paused")
            self.sent = True
        self.is_paused = True

    def cmd_RESUME(self, gcmd):
        if not self.is_paused:
            gcmd.respond_info("Print is not paused, resume aborted")
            return
        if self.sd_paused:
            self.vsd.do_resume()
            self.sd_paused = False
        else:
            gcmd.respond_info("action:resumed")
        self.sent = self.is_paused = False

    def cmd_CLEAR_PAUSE(self, gcmd):
        self.is_paused = self.sent = False

    def cmd_CANCEL_PRINT(self, gcmd):
        if self._sd_active() or self.sd_paused:
            self.vsd.do_cancel()
        else:
            gcmd.respond_info("action:cancel")
        self.cmd_CLEAR_PAUSE(gcmd)


def load_config(config):
    return PauseResume(config)
