"""What is printed is the file: all of it, once, and nothing after its end."""
# SPDX-License-Identifier: MIT OR Apache-2.0
import json
import os
import random
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

    @classmethod
    def setUpClass(cls):
        cls.host = kit.Host(cls.rate)

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

    def provider(self):
        return self.handover.greeting["reader"] == "gcode_provider"

    def put_plain(self, name, data):
        path = self.host.gcodes / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        self.addCleanup(path.unlink)

    def assert_let_go(self):
        self.assertIn(self.host.memfds(), (0, None))


class WholeFiles(PrintTest):
    def test_every_shape_of_file_runs_to_its_last_line(self):
        shapes = {
            "plain": (part(40), said(40)),
            "crlf": (part(40, "\r\n"), said(40)),
            "no newline at the end": (part(40) + b"M118 last",
                                      said(40) + ["last"]),
            "crlf without newline at the end": (
                part(3, "\r\n") + b"M118 last\r", said(3) + ["last"]),
            "latin-1": (b"; d\xe9bit\n" + part(5) + b"M118 caf\xe9\nM118 z",
                        said(5) + ["caf?", "z"]),
            "utf-8": ("M118 \u00e9\u20ac\n".encode() + part(2),
                      ["\u00e9\u20ac"] + said(2)),
            "one line": (b"M118 only", ["only"]),
            "blank lines": (b"\n\n\nM118 a\n\n\nM118 b\n\n", ["a", "b"]),
            "several pieces": (part(1500), said(1500)),
        }
        for shape, (data, expected) in shapes.items():
            with self.subTest(shape):
                self.job = "p" + os.urandom(6).hex()
                self.name = "sealpost/%s.gcode" % self.job
                self.api.console.clear()
                self.print_to_the_end(data)
                self.assertEqual(self.api.echoes(), expected)
                last = self.last()
                self.assertEqual(
                    (last["outcome"], last["position"], last["size"]),
                    ("complete", len(data), len(data)))
                self.assert_let_go()

    @unittest.skipIf(kit.PRINTER_DATA, "needs the record of the stand-in")
    def test_the_executed_lines_equal_the_file(self):
        rng = random.Random(7)
        lines = ["G28"] + ["G1 X%.3f Y%.3f E%d ; %s" % (
            rng.uniform(0, 200), rng.uniform(0, 200), number,
            "\u00e9" * rng.randrange(30)) for number in range(5000)]
        self.print_to_the_end("\n".join(lines).encode())
        record = self.host.record.read_text().splitlines()
        self.assertEqual([json.loads(line) for line in record][-5001:], lines)

    def test_layers_and_name_are_shown(self):
        self.start(part(3), layers=12)
        self.api.wait_state("complete")
        stats = self.api.query("print_stats")
        self.assertEqual(stats["filename"], self.name)
        self.assertEqual(stats["info"]["total_layer"], 12)

    def test_every_way_to_name_the_file_starts_it(self):
        for form in ('SDCARD_PRINT_FILE FILENAME="sealpost/{0}.gcode"',
                     'SDCARD_PRINT_FILE FILENAME="/sealpost/{0}.gcode"',
                     "SDCARD_PRINT_FILE FILENAME=SealPost/{1}.GCODE",
                     "SDCARD_PRINT_FILE FILENAME=virtual_{0}.gcode",
                     'SET_GCODE_FD FILENAME="virtual_{0}.gcode"',
                     "SET_GCODE_FD FILENAME=sealpost/{0}.gcode"):
            with self.subTest(form):
                self.job = "p" + os.urandom(6).hex()
                self.assertIsNone(self.handover.load(self.job, part(2)))
                self.assertIsNone(self.api.script(
                    form.format(self.job, self.job.upper())))
                self.wait_ended()
                self.assertEqual(self.last()["outcome"], "complete")

    def test_what_is_not_held_is_refused_clearly(self):
        for script in ("SDCARD_PRINT_FILE FILENAME=" + self.name,
                       "SDCARD_PRINT_FILE FILENAME=virtual_%s.gcode" % self.job,
                       "SET_GCODE_FD FILENAME=" + self.name,
                       "M23 " + self.name, "SEALPOST_JOB JOB=" + self.job):
            with self.subTest(script):
                self.assertIn("Sealpost:", self.api.script(script) or "")
        self.assertIsNotNone(self.api.script("SET_GCODE_FD FILENAME=a.gcode"))
        self.assertIsNotNone(self.api.script("SET_GCODE_FD"))
        self.assertEqual(self.api.query("webhooks")["state"], "ready")

    def test_a_stub_that_is_printed_as_a_plain_file_fails_at_once(self):
        self.put_plain("copied-stub.gcode",
                       b"; a stub\nSEALPOST_JOB JOB=x\nM118 never\n")
        self.start_plain("copied-stub.gcode")
        self.api.wait_state("error")
        self.assertIn("stub", self.api.query("print_stats")["message"])
        self.assertEqual(self.api.echoes(), [])

    def test_a_job_starts_once(self):
        self.print_to_the_end(part(2))
        self.assertEqual(self.handover.load(self.job, part(2)),
                         "already_started")
        self.assertIn("no file is held", self.api.script(
            "SDCARD_PRINT_FILE FILENAME=" + self.name))

    def test_a_file_that_fails_is_let_go_with_its_message(self):
        data = b"M118 a\nSDCARD_RESET_FILE\nM118 b\n"
        self.start(data)
        self.api.wait_state("error")
        self.api.wait(lambda api: api.status["sealpost"]["state"] == "idle")
        last = self.last()
        self.assertEqual((last["outcome"], last["position"]), ("error", 7))
        self.assertIn("cannot be run", last["message"])
        self.assertEqual(self.api.echoes(), ["a"])
        self.assert_let_go()
        self.api.script("M24")
        self.assertEqual(self.api.echoes(), ["a"])

    def test_a_cancel_inside_the_file_is_a_cancel(self):
        self.start(b"M118 a\nCANCEL_PRINT\nM118 b\n")
        self.api.wait_state("cancelled")
        self.assertEqual(self.last()["outcome"], "cancelled")
        self.assertEqual(self.api.echoes(), ["a"])
        self.assert_let_go()

    def test_pausing_on_the_last_line_ends_after_the_resume(self):
        data = b"M118 a\nPAUSE"
        self.start(data)
        self.api.wait_state("paused")
        # A provider hears that a line has run when it is asked for the next.
        self.assertIn(self.handover.status()["position"], (
            len(data), 7 if self.provider() else len(data)))
        self.assertNotEqual(self.ended(), self.job)
        self.api.script("RESUME")
        self.api.wait_state("complete")
        self.assertEqual(self.last()["outcome"], "complete")


class PlainFiles(PrintTest):
    def test_plain_files_print_as_ever(self):
        self.put_plain("folder/Plain.gcode", part(20, "\r\n"))
        self.put_plain("virtual_Plain.gcode", part(20))
        for name in ("folder/Plain.gcode", "/FOLDER/plain.gcode",
                     "virtual_Plain.gcode", "virtual_plain.gcode"):
            with self.subTest(name):
                self.start_plain(name)
                self.api.wait_state("complete")
                self.assertEqual(self.api.echoes(), said(20))
                self.assertEqual(self.handover.status()["state"], "idle")

    def test_a_plain_file_keeps_its_ways(self):
        self.put_plain("open-end.gcode", part(2) + b"M118 last")
        self.start_plain("open-end.gcode")
        self.api.wait_state("complete")
        self.assertEqual(self.api.echoes(), said(2))
        if self.provider():
            return  # This Kalico takes a byte that is not UTF-8 for the end.
        self.put_plain("latin.gcode", b"M118 a\nM118 \xe9\n")
        self.start_plain("latin.gcode")
        self.api.wait_state("paused")
        self.assertEqual(self.api.script("M23 open-end.gcode"), None)
        self.api.script("M26 S12")
        self.api.script("M24")
        self.api.wait_state("complete")

    def test_errors_of_plain_files_are_the_old_ones(self):
        self.assertEqual(self.api.script("SDCARD_PRINT_FILE FILENAME=no.gcode"),
                         "Unable to open file")
        self.assertIn("missing FILENAME", self.api.script("SDCARD_PRINT_FILE"))

    def test_a_held_file_stays_while_a_plain_one_prints(self):
        self.put_plain("other.gcode", part(3, said="other"))
        self.assertIsNone(self.handover.load(self.job, part(3)))
        self.start_plain("other.gcode")
        self.api.wait_state("complete")
        self.assertEqual(self.handover.status()["state"], "loaded")
        self.api.console.clear()
        self.api.script("SDCARD_PRINT_FILE FILENAME=" + self.name)
        self.wait_ended()
        self.assertEqual(self.api.echoes(), said(3))


class WhilePrinting(PrintTest):
    rate = 1000

    def wait_said(self, count):
        self.api.wait(lambda api: len(api.echoes()) >= count)

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
