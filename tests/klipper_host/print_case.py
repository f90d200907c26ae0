"""What the tests of printing share: files that say their lines, and a printer."""
# SPDX-License-Identifier: MIT OR Apache-2.0
import os
import unittest

from . import kit

# Dwells for longer than any Klipper reads ahead.
LONG = 1200


def part(count, end="\n", said="line"):
    """A file that says `count` numbered lines and dwells after each."""
    lines = []
    for number in range(count):
        lines += ["M118 %s %d" % (said, number), "G4 P5"]
    return (end.join(lines) + end).encode()


def said(count, text="line"):
    return ["%s %d" % (text, number) for number in range(count)]


class PrintTest(unittest.TestCase):
    rate = 0

    arguments = ()

    @classmethod
    def setUpClass(cls):
        cls.host = kit.Host(cls.rate, arguments=cls.arguments)

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def setUp(self):
        self.handover = self.host.handover()
        self.api = self.host.api()
        self.api.watch()
        self.job = "p" + os.urandom(6).hex()
        self.name = "sealpost/%s.gcode" % self.job

    def tearDown(self):
        self.api.script("CANCEL_PRINT\nCLEAR_PAUSE\nSDCARD_RESET_FILE")
        self.api.close()
        self.handover.close()

    def start(self, data, name=None, **params):
        self.assertIsNone(self.handover.load(self.job, data, **params))
        self.assertIsNone(self.api.script(
            'SDCARD_PRINT_FILE FILENAME="%s"' % (name or self.name)))
        self.api.wait(lambda api: self.job in (
            api.status["sealpost"]["job"], self.ended()))

    def print_to_the_end(self, data):
        self.start(data)
        self.wait_ended()

    def start_plain(self, name):
        self.assertIsNone(self.api.script("SDCARD_RESET_FILE"))
        self.api.wait_state("standby")
        self.api.console.clear()
        self.assertIsNone(self.api.script(
            'SDCARD_PRINT_FILE FILENAME="%s"' % (name,)))

    def ended(self):
        return (self.api.status["sealpost"]["last"] or {}).get("job")

    def wait_ended(self):
        self.api.wait(lambda api: self.ended() == self.job)

    def last(self):
        last = self.handover.status()["last"]
        self.assertEqual(last["job"], self.job)
        return last

    def wait_said(self, count):
        self.api.wait(lambda api: len(api.echoes()) >= count)

    def provider(self):
        return self.handover.greeting["reader"] == "gcode_provider"

    def put_plain(self, name, data):
        path = self.host.gcodes / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        self.addCleanup(path.unlink)

    def assert_let_go(self):
        self.assertIn(self.host.memfds(), (0, None))
