"""What depends on the configuration: compatible mode and macros."""
# SPDX-License-Identifier: MIT OR Apache-2.0
import os
import unittest

from . import kit
from .print_case import part, said


@unittest.skipIf(kit.PRINTER_DATA, "needs a configuration of its own")
class Configured(unittest.TestCase):
    def open(self, **kwargs):
        self.host = kit.Host(**kwargs)
        self.addCleanup(self.host.stop)
        self.assertEqual(self.host.state, "ready")
        self.api = self.host.api()
        self.addCleanup(self.api.close)
        self.api.watch()

    def register(self, fd, **params):
        fields = dict({"FILENAME": "virtual_lmnt_1.gcode",
                       "PID": os.getpid(), "FD": fd}, **params)
        return self.api.script("REGISTER_ENCRYPTED_FILE " + " ".join(
            '%s="%s"' % item for item in fields.items()))

    def test_compatible_mode_is_off_unless_asked_for(self):
        self.open()
        self.assertIn("compatible", self.register(kit.memfd(part(1))))

    def test_compatible_mode_takes_a_sealed_file_from_another_process(self):
        self.open(config="compatible: True")
        fd = kit.memfd(part(5))
        self.assertIsNone(self.register(fd, LAYER_COUNT=4))
        os.close(fd)
        self.assertIsNone(self.api.script(
            "SET_GCODE_FD FILENAME=virtual_lmnt_1.gcode"))
        self.api.wait_state("complete")
        self.assertEqual(self.api.echoes(), said(5))
        self.assertEqual(
            self.api.query("print_stats")["info"]["total_layer"], 4)

    def test_compatible_mode_refuses_what_is_not_sealed(self):
        self.open(config="compatible: True")
        pipe, _ = os.pipe()
        for fd, params in ((kit.memfd(part(1), 7), {}), (pipe, {}), (999, {}),
                           (kit.memfd(b""), {}),
                           (kit.memfd(part(1)), {"FILENAME": "../x.gcode"}),
                           (kit.memfd(part(1)), {"PID": 0}),
                           (kit.memfd(part(1)), {"PID": "x"})):
            with self.subTest(fd=fd, **params):
                self.assertIsNotNone(self.register(fd, **params))
        self.assertEqual(self.api.query("webhooks")["state"], "ready")

    def test_a_macro_around_the_print_command_still_reaches_it(self):
        self.open(sections="[gcode_macro SDCARD_PRINT_FILE]\n"
                  "rename_existing: BASE_SDCARD_PRINT_FILE\n"
                  "gcode:\n  M118 macro\n  BASE_SDCARD_PRINT_FILE {rawparams}\n")
        with self.host.handover() as handover:
            self.assertIsNone(handover.load("m_1", part(2)))
            self.assertIsNone(self.api.script(
                "SDCARD_PRINT_FILE FILENAME=sealpost/m_1.gcode"))
            self.api.wait_state("complete")
        self.assertEqual(self.api.echoes(), ["macro"] + said(2))

    def test_an_exception_in_an_endpoint_shuts_the_printer_down(self):
        # What the extra must never cause; the stand-in has to be strict here.
        self.open()
        self.api.request("objects/query", objects={"print_stats": 5})
        self.assertEqual(self.api.query("webhooks")["state"], "ready")
        self.api.request("pause_resume/pause", nonsense={})
        self.assertEqual(self.api.query("webhooks")["state"], "ready")


if __name__ == "__main__":
    unittest.main()
