# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may ask: Moonraker's users only, in JSON, from the printer's own address."""
from __future__ import annotations

import unittest

from .agent_stand_in import STATUS, AgentStandIn
from .printer import Printer, json_rpc
from .test_forwarding import ENDPOINTS, MARKETPLACE


class TrustedClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.printer = cls.enterClassContext(Printer())
        cls.agent = AgentStandIn(cls.printer.agent_socket).start()
        cls.addClassCleanup(cls.agent.stop)
        cls.agent.answers["check_jobs"] = {"status": "success"}
        cls.host = f"127.0.0.1:{cls.printer.port}"

    def test_other_origins_are_refused_at_every_endpoint(self):
        self.printer.get(f"{MARKETPLACE}/status")
        self.agent.log.clear()
        for verb, path, body, _method, _wrapped in ENDPOINTS:
            for headers in (
                {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://["}, {"Origin": ""}, {"Origin": "http://127.0.0.1:1"},
                {"Origin": f"http://{self.host}.evil.example"}, {"Origin": f"http://evil.example/{self.host}"},
                {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
            ):
                with self.subTest(path=path, **headers):
                    status, _, answer = self.printer.request(verb, path, body, headers)
                    self.assertEqual((status, answer["code"]), (403, "cross_origin"))
        self.assertEqual(self.agent.log, [])

    def test_the_own_origin_and_programs_without_one_are_served(self):
        for headers in ({}, {"Origin": f"http://{self.host}"}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}):
            with self.subTest(**headers):
                self.assertEqual(self.printer.post(f"{MARKETPLACE}/check_jobs", {}, **headers)[0], 200)

    def test_bodies_that_are_not_json_are_refused(self):
        form = '--x\r\nContent-Disposition: form-data; name="job"\r\n\r\nj\r\n--x--\r\n'
        for content_type, body in (
            ("text/plain", "{}"), ("text/plain", ""), ("application/x-www-form-urlencoded", "job=j"),
            ("multipart/form-data; boundary=x", form), ("application/jsonp", "{}"), ("", "{}"),
        ):
            with self.subTest(content_type=content_type, body=body):
                status, answer = self.printer.post(f"{MARKETPLACE}/check_jobs", body, **{"Content-Type": content_type})
                self.assertEqual((status, answer["code"]), (415, "not_json"))
        self.assertEqual(self.printer.post(f"{MARKETPLACE}/check_jobs", "{}", **{"Content-Type": "Application/JSON; charset=utf-8"})[0], 200)

    def test_json_that_is_no_object_is_refused(self):
        for body in ("[]", "7", "null", "{", '{"a"', "\xff\xfe", "[" * 100000):
            with self.subTest(body=body[:10]):
                status, answer = self.printer.post(f"{MARKETPLACE}/check_jobs", body, **{"Content-Type": "application/json"})
                self.assertEqual((status, answer["code"]), (400, "bad_request"))

    def test_fields_in_the_address_are_not_read(self):
        status, answer = self.printer.post(f"{MARKETPLACE}/queue/remove?job=j_1")
        self.assertEqual((status, answer["code"]), (400, "bad_request"))

    def test_other_methods_are_refused(self):
        for verb, path in (("GET", "check_jobs"), ("POST", "status"), ("DELETE", "status"), ("PUT", "queue"), ("POST", "ui")):
            with self.subTest(verb=verb, path=path):
                status, _, answer = self.printer.request(verb, f"{MARKETPLACE}/{path}", {} if verb == "POST" else None)
                self.assertEqual((status, answer["code"]), (405, "method_not_allowed"))

    def test_the_page_allows_nothing_from_elsewhere(self):
        for path, kind in (("ui", "text/html"), ("ui/styles.css", "text/css"), ("ui/script.js", "text/javascript")):
            status, headers, body = self.printer.request("GET", f"{MARKETPLACE}/{path}")
            self.assertEqual(status, 200)
            self.assertTrue(headers["content-type"].startswith(kind))
            self.assertIn("default-src 'none'; script-src 'self'", headers["content-security-policy"])
            self.assertNotIn("innerHTML", body)
            self.assertNotIn(" style=", body)


class UnderAPrefix(unittest.TestCase):
    def test_endpoints_and_page_follow_moonrakers_route_prefix(self):
        with Printer(server="route_prefix: /printer-1") as printer:
            status, answer = printer.get(f"/printer-1{MARKETPLACE}/status")
            self.assertEqual((status, answer["code"]), (503, "agent_unreachable"))
            self.assertEqual(printer.get(f"/printer-1{MARKETPLACE}/ui")[0], 200)
            printer.expect_log(f"[lmnt_marketplace] /printer-1{MARKETPLACE}/status: agent_unreachable (503)")


class SignedInOnly(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.printer = cls.enterClassContext(Printer(authorization="force_logins: True"))
        cls.agent = AgentStandIn(cls.printer.agent_socket).start()
        cls.addClassCleanup(cls.agent.stop)

    def test_every_endpoint_asks_for_a_sign_in(self):
        self.agent.expect("configure")
        self.agent.log.clear()
        for verb, path, body, _method, _wrapped in ENDPOINTS:
            with self.subTest(path=path):
                status, _, answer = self.printer.request(verb, path, body)
                self.assertEqual((status, answer["code"]), (401, "unauthorized"))
        self.assertEqual(self.agent.log, [])

    def test_moonrakers_key_and_users_are_accepted(self):
        key, user = json_rpc(
            self.printer, ("access.get_api_key", {}), ("access.post_user", {"username": "ada", "password": "a long password"}),
        )
        status, answer = self.printer.get(f"{MARKETPLACE}/status", **{"X-Api-Key": key["result"]})
        self.assertEqual((status, answer["result"]), (200, STATUS))
        bearer = {"Authorization": f"Bearer {user['result']['token']}"}
        self.assertEqual(self.printer.get(f"{MARKETPLACE}/status", **bearer)[0], 200)
        self.assertEqual(self.printer.get(f"{MARKETPLACE}/ui", **bearer)[0], 200)

    def test_the_page_comes_with_401_and_its_files_without_data(self):
        status, page = self.printer.get(f"{MARKETPLACE}/ui")
        self.assertEqual(status, 401)
        self.assertIn("sign-in-form", page)
        self.assertEqual(self.printer.get(f"{MARKETPLACE}/ui/script.js")[0], 200)


if __name__ == "__main__":
    unittest.main()
