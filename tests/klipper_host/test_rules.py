"""The extra refuses a purchased file's line before it runs, by its own rules."""
# SPDX-License-Identifier: MIT OR Apache-2.0
import json
import os
import sys
import unittest

from . import kit
from .print_case import PrintTest

sys.path.insert(0, str(kit.EXTRAS))
from sealpost import reader, rules  # noqa: E402

MACROS = ("[gcode_macro MY_START]\ngcode: M118 start {params.BED}\n"
          "[gcode_macro PRINT_START]\ngcode: M118 begin\n")


class Refused(PrintTest):
    def refuse(self, line, code, **params):
        self.job = "p" + os.urandom(6).hex()
        self.name = "sealpost/%s.gcode" % self.job
        self.api.console.clear()
        before = b"M118 before\n"
        self.start(before + line + b"\nM118 after\n", **params)
        self.wait_ended()
        last = self.last()
        self.assertEqual((last["outcome"], last["position"]),
                         ("error", len(before)), line)
        self.assertIn("line 2: ", last["message"])
        self.assertIn(code, last["message"])
        self.assertEqual(self.api.echoes(), ["before"])

    def test_a_line_over_a_limit_ends_the_print_before_it_runs(self):
        for line, code in (
                (b"M104 S281", "gcode_too_hot"),
                (b"SET_HEATER_TEMPERATURE HEATER=heater_bed TARGET=131",
                 "gcode_too_hot"),
                (b"RUN_SHELL_COMMAND CMD=x", "gcode_forbidden"),
                (b"RESTART", "gcode_forbidden"),
                (b"SAVE_CONFIG", "gcode_forbidden"),
                (b"SEALPOST_JOB JOB=x", "gcode_forbidden"),
                (b"SET_PIN PIN=a VALUE=1", "gcode_unknown_command"),
                (b"SET_VELOCITY_LIMIT ACCEL=3001", "gcode_out_of_range"),
                (b"G1 X1 X2", "gcode_unclear"),
                ("M104 \u017f300".encode(), "gcode_not_text"),
                (b"RESPOND TYPE=command MSG=a", "gcode_bad_parameter"),
                (b"M118 // action:cancel", "gcode_bad_parameter")):
            with self.subTest(line):
                self.refuse(line, code)

    def test_a_long_comment_at_the_end_is_printed(self):
        self.start(b"M118 done\n; start_gcode = " + b"x" * 200000 + b"\n")
        self.wait_ended()
        self.assertEqual(self.last()["outcome"], "complete")

    def test_a_line_far_into_the_file_is_named(self):
        self.start(b"G28\n" + b"G1 X1 F600\n" * 3999 + b"M112\n" + b"G1 X1\n" * 9)
        self.wait_ended()
        self.assertEqual(self.last()["outcome"], "error")
        self.assertIn("line 4001: M112", self.last()["message"])
        self.assertEqual(self.api.query("webhooks")["state"], "ready")

    def test_a_pause_does_not_count_lines_twice(self):
        self.start(b"G28\nPAUSE\n" + b"G1 X1\n" * 30 + b"M112\n")
        self.api.wait_state("paused")
        self.api.script("RESUME")
        self.wait_ended()
        self.assertIn("line 33: M112", self.last()["message"])

    def test_approvals_that_are_none_are_refused(self):
        for macros in ([], {"A": 1}, {"A": {"B": [1]}}, {"A": {"B": "any"}},
                       {"A": {"B": [0, True]}}):
            with self.subTest(macros):
                self.assertEqual(self.handover.load(
                    self.job, b"G28\n", macros=macros), "bad_request")


@unittest.skipIf(kit.PRINTER_DATA, "needs a configuration of its own")
class Macros(Refused):
    @classmethod
    def setUpClass(cls):
        cls.host = kit.Host(sections=MACROS)

    def test_a_macro_runs_when_its_owner_approved_it(self):
        approved = {"MY_START": {"BED": [0, 60], "MATERIAL": ["PLA"]}}
        self.start(b"MY_START BED=60 MATERIAL=pla\n", macros=approved)
        self.wait_ended()
        self.assertEqual(self.api.echoes(), ["start 60"])
        for line, code in ((b"MY_START BED=61", "gcode_out_of_range"),
                           (b"MY_START BED=6_0", "gcode_bad_parameter"),
                           (b"MY_START BED={printer}", "gcode_bad_parameter"),
                           (b"MY_START OTHER=1", "gcode_bad_parameter"),
                           (b"MY_END", "gcode_unknown_command")):
            with self.subTest(line):
                self.refuse(line, code, macros=approved)
        self.refuse(b"MY_START BED=60", "gcode_not_approved")

    def test_usual_macros_need_no_approval_where_the_owner_agrees(self):
        self.start(b"PRINT_START EXTRUDER=200 BED=60\n")
        self.wait_ended()
        self.assertEqual(self.api.echoes(), ["begin"])
        self.refuse(b"PRINT_START EXTRUDER=281", "gcode_too_hot")
        self.refuse(b"PRINT_START", "gcode_not_approved",
                    conventional_macros=False)
        self.refuse(b"PRINT_END", "gcode_not_defined")


class Cases(unittest.TestCase):
    def test_without_approvals_only_macros_are_taken(self):
        settings = {"gcode_macro mine": {"gcode": ""}}
        judge = rules.Rules(rules.load_table(), rules.Printer(
            settings, ("SET_PIN", "MINE")))
        self.assertEqual(judge.check_all(["MINE A=1", "SET_PIN PIN=a"], 1)[0],
                         1)

    def test_what_is_read_twice_is_judged_once(self):
        data = (b"SET_GCODE_OFFSET Z_ADJUST=-0.4\n" * 2 + b"G1 X1\n" * 3000
                + b"M112\nG28\n")
        settings = {"printer": {"max_velocity": 300., "max_accel": 3000.}}
        judge = rules.Rules(rules.load_table(), rules.Printer(settings))
        file = reader.SealedReader(kit.memfd(data), len(data), "stub",
                                   rules=judge)
        self.addCleanup(file.close)
        first = file.read(100)
        file.seek(0)
        self.assertEqual(file.read(100), first)
        file.seek(31)
        read = first[:31]
        while file.problem is None:
            read += file.read(8192)
        self.assertTrue(file.problem.startswith("line 3003: M112"))
        end = data.index(b"M112")
        self.assertEqual(read[:end], data[:end].decode())

    def test_a_last_line_without_its_end_is_read_twice(self):
        data = b"G28\nG1 X1"
        judge = rules.Rules(rules.load_table(), rules.Printer({}))
        file = reader.SealedReader(kit.memfd(data), len(data), "stub",
                                   rules=judge)
        self.addCleanup(file.close)
        file.read()
        file.seek(4)
        self.assertEqual(file.read(), "G1 X1\n")
        self.assertEqual(file.read(), "")

    def test_the_rules_judge_as_the_agent_does(self):
        path = kit.HERE.parent.parent / "crates/gcode/tests/data/rules.json"
        with open(path, encoding="utf-8") as file:
            groups = json.load(file)
        table = rules.load_table()
        for group in groups:
            printer = rules.Printer(
                group["status"]["configfile"]["settings"],
                group["status"]["gcode"]["commands"], group["macros"],
                group["conventional"])
            for lines, expected in group.get("files", ()):
                checked = rules.Rules(table, printer).check_all(lines, 1)
                self.assertEqual(checked[0], len(lines) - (
                    expected is not None), lines)
                self.assertIn(expected or "", checked[1] or "", lines)
            for line, expected in group["lines"]:
                found = None
                try:
                    rules.Rules(table, printer).check(line)
                except rules.Refused as refused:
                    found = refused.code
                self.assertEqual(found, expected, line)
                if expected is not None:
                    self.assertFalse(rules.MOVE.match(line), line)


if __name__ == "__main__":
    unittest.main()
