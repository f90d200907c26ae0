# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords, tokens, keys and files stay out of Moonraker's log, however much it logs."""
from __future__ import annotations

import unittest

from .agent_stand_in import AgentError, AgentStandIn
from .printer import Printer

MARKETPLACE = "/machine/lmnt_marketplace"
SECRET = "canary-5f0c"


class Log(unittest.TestCase):
    def test_no_secret_is_logged_whether_requests_work_or_fail(self):
        with Printer(verbose=True) as printer:
            agent = AgentStandIn(printer.agent_socket).start()
            self.addCleanup(agent.stop)
            file = {
                "job_id": "j_1", "encrypted_gcode": SECRET, "gcode_dek_package": SECRET,
                "gcode_iv_hex": SECRET, "job_manifest": SECRET,
            }
            requests = (
                ("login_user", f"{MARKETPLACE}/login_user", {"username": "ada", "password": SECRET}),
                ("register_printer", f"{MARKETPLACE}/register_printer", {"user_token": SECRET, "printer_name": "Voron"}),
                ("start_print", "/server/encrypted/print", file),
            )
            failure = AgentError(401, "wrong_password", "Wrong password")
            for method, path, body in requests:
                for answer, expected in (({"token": SECRET}, 200), (failure, 401), (lambda _params: b"nonsense\n", 502)):
                    agent.answers[method] = answer
                    self.assertEqual(printer.post(path, body)[0], expected)
                self.assertEqual(printer.post(f"{path}?password={SECRET}&user_token={SECRET}", {})[0], 400)
                self.assertEqual(printer.post(path, SECRET, **{"Content-Type": "application/json"})[0], 400)
                self.assertEqual(printer.post(f"{path}?user_token={SECRET}", body, Origin="https://evil.example")[0], 403)
            agent.stop()
            self.assertEqual(printer.post(requests[0][1], requests[0][2])[0], 503)
        # Moonraker writes its log in the background; what it knows is out once it has ended.
        self.assertIn("[lmnt_marketplace] /machine/lmnt_marketplace/login_user: wrong_password (401)", printer.log())
        self.assertIn("[encrypted_print] /server/encrypted/print: agent_protocol (502)", printer.log())
        self.assertNotIn(SECRET, printer.log())


if __name__ == "__main__":
    unittest.main()
