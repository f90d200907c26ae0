"""Shutdowns and restarts: nothing is logged, nothing is forgotten."""
# SPDX-License-Identifier: MIT OR Apache-2.0
import os
import unittest

from . import kit
from .print_case import LONG, PrintTest, part


class Stopping(PrintTest):
    rate = 1000

    def test_a_shutdown_logs_none_of_the_content_and_lets_it_go(self):
        secret = "secret" + os.urandom(8).hex()
        self.start(part(LONG, said=secret))
        self.wait_said(150)
        self.assertIsNotNone(self.api.request("emergency_stop"))
        self.api.wait(lambda api: api.status["webhooks"]["state"] == "shutdown")
        last = self.last()
        self.assertEqual((last["outcome"], last["message"]),
                         ("shutdown", "Shutdown due to webhooks request"))
        self.assertLess(0, last["position"])
        self.assertEqual(self.handover.load("later", part(1)), "not_ready")
        self.assert_let_go()
        self.restart()
        self.assertEqual(self.last()["outcome"], "shutdown")
        self.assertEqual(self.handover.load(self.job, part(1)),
                         "already_started")
        self.assertNotIn(secret, self.host.log.read_text(errors="replace"))

    def test_a_held_file_that_a_restart_drops_is_known_not_to_have_started(self):
        self.assertIsNone(self.handover.load(self.job, part(2)))
        self.restart()
        last = self.last()
        self.assertEqual((last["outcome"], last["position"]), ("dropped", 0))
        self.assertIsNone(self.handover.load(self.job, part(2)))
        self.handover.request("drop", job=self.job)

    def test_a_restart_while_printing_is_told(self):
        self.start(part(LONG))
        self.wait_said(20)
        self.restart()
        self.assertEqual(self.last()["outcome"], "shutdown")
        self.assert_let_go()

    def test_a_plain_shutdown_does_log_the_surroundings(self):
        self.put_plain("other.gcode", part(LONG, said="visible"))
        self.api.script("SDCARD_PRINT_FILE FILENAME=other.gcode")
        self.wait_said(150)
        self.api.request("emergency_stop")
        self.api.wait(lambda api: api.status["webhooks"]["state"] == "shutdown")
        self.restart()
        self.assertIn("visible", self.host.log.read_text(errors="replace"))

    def restart(self):
        """Restarts the printer and connects again when it is ready."""
        try:
            self.api.script("FIRMWARE_RESTART")
        except (EOFError, BrokenPipeError):
            pass
        self.handover.close()
        self.api.close()
        self.host.wait_restarted()
        self.handover = self.host.handover()
        self.api = self.host.api()
        self.api.watch()


@unittest.skipIf(kit.PRINTER_DATA, "needs a configuration of its own")
class StoppingEarly(Stopping):
    arguments = ("--early-dump",)


if __name__ == "__main__":
    unittest.main()
