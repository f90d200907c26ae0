"""Pauses, cancels and other commands while a file is printed."""
# SPDX-License-Identifier: MIT OR Apache-2.0
import os
import random
import unittest

from .print_case import LONG, PrintTest, part, said


class WhilePrinting(PrintTest):
    rate = 1000

    def test_pause_and_resume_lose_and_repeat_no_line(self):
        rng = random.Random(3)
        for end in ("\n", "\r\n"):
            with self.subTest(end=end):
                self.job = "p" + os.urandom(6).hex()
                self.name = "sealpost/%s.gcode" % self.job
                self.api.console.clear()
                data = part(500, end) + b"M118 last"
                self.start(data)
                for _ in range(8):
                    self.wait_said(len(self.api.echoes()) + rng.randrange(40))
                    self.assertIsNone(self.api.script("PAUSE"))
                    heard = len(self.api.echoes())
                    status = self.handover.status()
                    self.assertEqual(status["state"], "paused")
                    self.assertIn(data[:status["position"]].count(b"M118"),
                                  (heard, heard + 1))
                    self.assertIsNone(self.api.script("RESUME"))
                self.wait_ended()
                self.assertEqual(self.api.echoes(), said(500) + ["last"])
                self.assertEqual(self.last()["position"], len(data))

    def test_m24_and_m25_pause_and_resume_too(self):
        self.start(part(LONG))
        self.wait_said(20)
        self.api.script("M25")
        self.api.wait_state("paused")
        self.api.script("M27\nM24")
        self.api.wait_state("complete")
        self.assertEqual(self.api.echoes(), said(LONG))

    def test_progress_reaches_its_end_with_the_last_line_only(self):
        data = part(700) + b"M118 last"
        self.start(data)
        self.api.seen.clear()
        self.api.wait_state("complete")
        progress = [seen["virtual_sdcard"]["progress"] for seen in self.api.seen
                    if seen["print_stats"]["state"] == "printing"]
        self.assertEqual(progress, sorted(progress))
        self.assertGreater(len(set(progress)), 3)
        for seen in self.api.seen:
            if seen["print_stats"]["state"] == "printing":
                self.assertLess(seen["virtual_sdcard"]["progress"], 1.0)
                self.assertLess(seen["sealpost"]["position"], len(data))

    def test_no_rewind_while_paused(self):
        self.start(part(300))
        self.wait_said(20)
        self.api.script("PAUSE")
        self.api.wait_state("paused")
        self.assertIn("rewound", self.api.script("M26 S0"))
        self.api.script("RESUME")
        self.api.wait_state("complete")
        self.assertEqual(self.api.echoes(), said(300))

    def test_nothing_else_starts_while_printing(self):
        self.put_plain("other.gcode", part(3, said="other"))
        self.start(part(300))
        self.wait_said(5)
        for script in ("SDCARD_PRINT_FILE FILENAME=other.gcode",
                       "M23 other.gcode", "M26 S0",
                       "SDCARD_PRINT_FILE FILENAME=" + self.name,
                       "SET_GCODE_FD FILENAME=" + self.name):
            self.assertIsNotNone(self.api.script(script), script)
        self.assertEqual(self.handover.load("other", part(1)), "busy")
        self.assertEqual(self.handover.load(self.job, part(1)),
                         "already_started")
        answer = self.handover.request("drop", job=self.job)
        self.assertEqual(answer["error"]["code"], "printing")
        self.api.script("PAUSE")
        self.api.wait_state("paused")
        self.assertIsNotNone(self.api.script(
            "SDCARD_PRINT_FILE FILENAME=" + self.name))
        self.api.script("RESUME")
        self.api.wait_state("complete")
        self.assertEqual(self.api.echoes(), said(300))

    def test_a_cancel_lets_the_file_go(self):
        for paused in (False, True):
            with self.subTest(paused=paused):
                self.job = "p" + os.urandom(6).hex()
                self.name = "sealpost/%s.gcode" % self.job
                self.api.console.clear()
                self.start(part(LONG))
                self.wait_said(20)
                if paused:
                    self.api.script("PAUSE")
                    self.api.wait_state("paused")
                self.assertIsNone(self.api.script("CANCEL_PRINT"))
                self.api.wait_state("cancelled")
                last = self.last()
                self.assertEqual(last["outcome"], "cancelled")
                self.assertLess(0, last["position"])
                self.assertLess(last["position"], last["size"])
                self.assertLess(len(self.api.echoes()), LONG)
                self.assert_let_go()

    def test_a_reset_or_another_print_drops_a_paused_file(self):
        self.put_plain("other.gcode", part(3, said="other"))
        for script in ("SDCARD_RESET_FILE",
                       "SDCARD_PRINT_FILE FILENAME=other.gcode"):
            with self.subTest(script):
                self.job = "p" + os.urandom(6).hex()
                self.name = "sealpost/%s.gcode" % self.job
                self.api.console.clear()
                self.start(part(LONG))
                self.wait_said(10)
                self.api.script("PAUSE")
                self.api.wait_state("paused")
                self.assertIsNone(self.api.script(script))
                last = self.last()
                self.assertEqual(last["outcome"], "cancelled")
                self.assertIn("taken away", last["message"])
                self.assertLess(0, last["position"])
                self.assert_let_go()
                self.api.script("CLEAR_PAUSE")


if __name__ == "__main__":
    unittest.main()
