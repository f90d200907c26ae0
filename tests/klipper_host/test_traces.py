"""What a purchased file changes does not outlive it."""
# SPDX-License-Identifier: MIT OR Apache-2.0
import os
import unittest

from . import kit
from .print_case import PrintTest

CHANGES = (b"G28\nSET_GCODE_OFFSET Z=-0.8\nG91\nM83\nM220 S300\nM221 S200\n"
           b"SET_VELOCITY_LIMIT ACCEL=10 SQUARE_CORNER_VELOCITY=1\n"
           b"SET_PRESSURE_ADVANCE ADVANCE=2\n")
OBJECTS = {"gcode_move": ("speed_factor", "extrude_factor", "homing_origin",
                          "absolute_coordinates", "absolute_extrude"),
           "toolhead": ("max_accel", "square_corner_velocity"),
           "extruder": ("pressure_advance",)}


@unittest.skipIf(kit.PRINTER_DATA, "changes a printer's state")
class Traces(PrintTest):
    def state(self):
        return [self.api.query(name)[key] for name, keys in OBJECTS.items()
                for key in keys]

    def assert_put_back(self, before):
        # A command waits for what is running.
        self.assertIsNone(self.api.script("M118 next"))
        self.assertEqual(self.state(), before)

    def test_they_are_taken_back_however_the_print_ends(self):
        before = self.state()
        for ends, outcome in ((b"", "complete"), (b"M112x", "error"),
                              (b"CANCEL_PRINT", "cancelled")):
            with self.subTest(outcome):
                self.job = "p" + os.urandom(6).hex()
                self.name = "sealpost/%s.gcode" % self.job
                self.start(CHANGES + ends + b"\n")
                self.wait_ended()
                self.assertEqual(self.last()["outcome"], outcome)
                self.assert_put_back(before)

    def test_they_are_taken_back_before_the_next_print(self):
        before = self.state()
        self.start(CHANGES)
        self.wait_ended()
        self.put_plain("next.gcode", b"M118 plain\n")
        self.start_plain("next.gcode")
        self.assertEqual(self.state(), before)

    def test_what_a_person_tunes_stays(self):
        self.start(b"G28\nM221 S90\nPAUSE\nG28\n")
        self.api.wait_state("paused")
        self.assertIsNone(self.api.script("SET_GCODE_OFFSET Z_ADJUST=0.1\nRESUME"))
        self.wait_ended()
        self.assertIsNone(self.api.script("M118 next"))
        move = self.api.query("gcode_move")
        self.assertEqual((move["homing_origin"][2], move["extrude_factor"]),
                         (0.1, 1.0))
        self.assertIsNone(self.api.script("SET_GCODE_OFFSET Z=0"))


if __name__ == "__main__":
    unittest.main()
