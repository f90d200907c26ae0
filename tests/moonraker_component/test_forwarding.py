# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests reach the agent and its answers come back, in the shapes that clients know."""
from __future__ import annotations

import threading
import unittest

from .agent_stand_in import AgentError, AgentStandIn
from .printer import Printer, json_rpc

MARKETPLACE = "/machine/lmnt_marketplace"
FILE = {"job_id": "j_1", "encrypted_gcode": "AAAA", "gcode_dek_package": "a:b:c", "job_manifest": "x.y.z"}
CREDENTIALS = {"username": "ada", "password": "pw"}
PRINTER = {"printer_name": "Voron", "manufacturer": "Home", "model": "2.4"}
# verb, endpoint, body, the agent's method, whether Moonraker's `result` is around the answer
ENDPOINTS = (
    ("GET", f"{MARKETPLACE}/status", None, "status", True),
    ("GET", f"{MARKETPLACE}/queue", None, "queue_list", True),
    ("POST", f"{MARKETPLACE}/queue/remove", {"job": "j_1"}, "queue_remove", True),
    ("POST", f"{MARKETPLACE}/check_jobs", {}, "check_jobs", True),
    ("POST", f"{MARKETPLACE}/login_user", CREDENTIALS, "login_user", True),
    ("POST", f"{MARKETPLACE}/user_login", CREDENTIALS, "login_user", True),
    ("POST", f"{MARKETPLACE}/register_printer", {"user_token": "t", **PRINTER}, "register_printer", True),
    ("POST", f"{MARKETPLACE}/refresh_token", {}, "refresh_token", True),
    ("POST", f"{MARKETPLACE}/start_pairing", PRINTER, "start_pairing", True),
    ("POST", f"{MARKETPLACE}/pair/start", {"store": "https://store.example", **PRINTER}, "pair_start", False),
    ("POST", f"{MARKETPLACE}/pair/status", {"session_id": "s"}, "pair_status", False),
    ("POST", f"{MARKETPLACE}/pair/complete", {"session_id": "s"}, "pair_complete", False),
    ("POST", "/machine/encrypted_print/start_print", {**FILE, "gcode_iv_hex": "00", "filename": "f"}, "start_print", True),
    ("POST", "/server/encrypted/print", FILE, "start_print", True),
)


class Forwarding(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.printer = Printer()
        cls.enterClassContext(cls.printer)
        cls.agent = AgentStandIn(cls.printer.agent_socket).start()
        cls.addClassCleanup(cls.agent.stop)

    def setUp(self):
        self.agent.log.clear()

    def test_every_documented_endpoint_reaches_its_method_with_its_params(self):
        for verb, path, body, method, wrapped in ENDPOINTS:
            with self.subTest(path=path):
                self.agent.answers[method] = {"seen": path}
                status, _, answer = self.printer.request(verb, path, body)
                self.assertEqual((status, answer), (200, {"result": {"seen": path}} if wrapped else {"seen": path}))
                self.assertEqual(self.agent.expect(method), body or {})

    def test_a_name_without_a_sealed_job_is_that_of_a_file_on_the_printers_own_disk(self):
        self.agent.answers["start_print"] = {"status": "success"}
        for path in ("/machine/encrypted_print/start_print", "/server/encrypted/print"):
            for body in ({"filename": "own.gcode"}, {"filename": "own.gcode", "gcode_dek_package": "a:b:c"}):
                self.assertEqual(self.printer.post(path, {**body, "job_id": "j", "metadata": {}, "gcode_iv_hex": None})[0], 200)
                self.assertEqual(self.agent.expect("start_print"), body)
            # What is carried along needs its manifest, also with a name.
            for body in ({**FILE, "filename": "f", "job_manifest": None}, {"filename": "f", "job_manifest": "x.y.z"}, {"job_id": "j"}):
                status, answer = self.printer.post(path, body)
                self.assertEqual((status, answer["code"]), (400, "bad_request"), body)

    def test_null_is_absent_and_unknown_fields_are_left_out(self):
        self.agent.answers["pair_start"] = {}
        body = {"printer_name": "Voron", "model": None, "extruder_count": 1, "store": None}
        self.assertEqual(self.printer.post(f"{MARKETPLACE}/pair/start", body)[0], 200)
        self.assertEqual(self.agent.expect("pair_start"), {"printer_name": "Voron"})

    def test_other_names_clients_use_are_read(self):
        self.agent.answers["login_user"] = self.agent.answers["start_print"] = {}
        self.printer.post(f"{MARKETPLACE}/login_user", {"email": "ada@example.org", "password": "pw"})
        self.assertEqual(self.agent.expect("login_user")["username"], "ada@example.org")
        body = {**FILE, "gcode_dek_encrypted_hex": "d:e:f"}
        del body["gcode_dek_package"]
        self.printer.post("/server/encrypted/print", body)
        self.assertEqual(self.agent.expect("start_print")["gcode_dek_package"], "d:e:f")

    def test_a_post_without_a_body_needs_no_type(self):
        self.agent.answers["check_jobs"] = {"status": "success"}
        self.assertEqual(self.printer.post(f"{MARKETPLACE}/check_jobs"), (200, {"result": {"status": "success"}}))

    def test_missing_and_wrong_fields_are_named_and_never_reach_the_agent(self):
        for body, field in (({}, "username"), ({"username": "a"}, "password"), ({"username": 7, "password": "p"}, "username"),
                            ({"username": "", "password": "p"}, "username"), ({"username": ["a"], "password": {}}, "username"), ({"username": "\ud800", "password": "p"}, "username")):
            with self.subTest(body=body):
                status, answer = self.printer.post(f"{MARKETPLACE}/login_user", body)
                self.assertEqual((status, answer["code"]), (400, "bad_request"))
                self.assertIn(f"`{field}`", answer["detail"])
        self.assertNotIn("login_user", [method for method, _ in self.agent.log])

    def test_an_error_of_the_agent_keeps_its_status_code_title_detail_and_hint(self):
        self.agent.answers["refresh_token"] = AgentError(
            409, "not_paired", "This printer is not paired", "No store knows it — yet.", "Pair it first: “Start pairing”.",
        )
        status, headers, answer = self.printer.request("POST", f"{MARKETPLACE}/refresh_token", {})
        self.assertEqual(status, 409)
        self.assertTrue(headers["content-type"].startswith("application/problem+json"))
        self.assertEqual(answer, {
            "type": "about:blank", "status": 409, "code": "not_paired", "title": "This printer is not paired",
            "detail": "No store knows it — yet.", "hint": "Pair it first: “Start pairing”.",
            "error": {
                "code": 409,
                "message": "This printer is not paired: No store knows it — yet. Pair it first: “Start pairing”.",
            },
        })

    def test_an_error_the_agent_left_incomplete_can_still_be_shown(self):
        for status in (200, 99, "500", True, None):
            with self.subTest(status=status):
                self.agent.answers["refresh_token"] = AgentError(status, None, None, 7, [])
                got, answer = self.printer.post(f"{MARKETPLACE}/refresh_token", {})
                self.assertEqual((got, answer["code"], answer["detail"]), (500, "agent_error", ""))
                self.assertTrue(answer["title"])

    def test_a_file_larger_than_an_ordinary_line_is_handed_over(self):
        self.agent.answers["start_print"] = {"status": "success", "message": "", "layer_count": 21}
        file = "A" * (8 << 20)
        status, answer = self.printer.post("/server/encrypted/print", {**FILE, "encrypted_gcode": file})
        self.assertEqual((status, answer["result"]["layer_count"]), (200, 21))
        self.assertEqual(len(self.agent.expect("start_print")["encrypted_gcode"]), len(file))

    def test_other_requests_keep_to_the_ordinary_line(self):
        status, answer = self.printer.post(f"{MARKETPLACE}/login_user", {"username": "a", "password": "p" * 70000})
        self.assertEqual((status, answer["code"]), (413, "too_large"))

    def test_files_are_handed_over_one_at_a_time(self):
        taken, finish = threading.Event(), threading.Event()

        def slowly(_params):
            taken.set()
            finish.wait(30)
            return {"status": "success"}

        self.agent.answers["start_print"] = slowly
        first = []
        thread = threading.Thread(target=lambda: first.append(self.printer.post("/server/encrypted/print", FILE)[0]))
        thread.start()
        self.assertTrue(taken.wait(20))
        status, answer = self.printer.post("/machine/encrypted_print/start_print", FILE)
        self.assertEqual((status, answer["code"]), (429, "busy"))
        self.assertEqual(self.printer.get(f"{MARKETPLACE}/status")[0], 200)
        finish.set()
        thread.join(20)
        self.assertEqual(first, [200])

    def test_what_holds_no_secret_is_a_websocket_method_as_well(self):
        self.agent.answers["check_jobs"] = {"status": "success"}
        self.agent.answers["pair_status"] = AgentError(404, "unknown_session", "No such pairing", "", "Start again.")
        answers = json_rpc(self.printer, ("machine.lmnt_marketplace.check_jobs", {}),
                           ("machine.lmnt_marketplace.pair.status", {"session_id": "s"}),
                           ("machine.lmnt_marketplace.login_user", CREDENTIALS),
                           ("machine.encrypted_print.start_print", FILE))
        self.assertEqual(answers[0]["result"], {"status": "success"})
        self.assertEqual(answers[1]["error"]["message"], "No such pairing: Start again.")
        for hidden in answers[2:]:
            self.assertEqual(hidden["error"]["message"], "Method not found")


if __name__ == "__main__":
    unittest.main()
