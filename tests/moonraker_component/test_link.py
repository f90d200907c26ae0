# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to the agent: agents that are down, come back, answer late, out of order or nonsense."""
from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
import tempfile
import threading
import types
import unittest

from .agent_stand_in import AgentError, AgentStandIn
from .printer import SOURCE, Printer

STATUS = "/machine/lmnt_marketplace/status"


def link_module():
    """The link by itself: unlike the rest of the component it needs no Moonraker."""
    package = types.ModuleType("sealpost_link")
    package.__path__ = [str(SOURCE / "sealpost")]
    sys.modules.setdefault("sealpost_link", package)
    return importlib.import_module("sealpost_link.agent"), importlib.import_module("sealpost_link.problem")


class InMoonraker(unittest.TestCase):
    def setUp(self):
        self.printer = self.enterContext(Printer())
        self.agent = AgentStandIn(self.printer.agent_socket)

    def test_an_agent_that_does_not_run_is_said_with_a_hint(self):
        status, answer = self.printer.get(STATUS)
        self.assertEqual((status, answer["code"]), (503, "agent_unreachable"))
        self.assertIn("sealpost-printer", answer["hint"])

    def test_an_agent_that_stays_away_is_logged_once_each_time_it_goes(self):
        self.assertEqual([self.printer.get(STATUS)[0] for _ in range(3)], [503, 503, 503])
        self.agent.start()
        self.assertEqual(self.printer.get(STATUS)[0], 200)
        self.agent.stop()
        self.assertEqual([self.printer.get(STATUS)[0] for _ in range(3)], [503, 503, 503])
        self.printer.stop()
        self.assertEqual(self.printer.log().count("not reachable"), 2)

    def test_each_agent_that_comes_up_gets_the_settings_first_without_being_asked_anything(self):
        for _ in range(2):
            self.agent.start()
            self.assertEqual(self.agent.expect("configure"), {"check_interval": 60, "debug_mode": False})
            self.assertEqual(self.agent.log[0][0], "configure")
            self.agent.stop()
            self.agent.log.clear()

    def test_a_request_does_not_wait_for_the_next_try_to_reach_an_agent_that_is_back(self):
        self.agent.start()
        self.assertEqual(self.printer.get(STATUS)[0], 200)
        self.agent.stop()
        self.assertEqual(self.printer.get(STATUS)[0], 503)
        self.agent.start()
        self.addCleanup(self.agent.stop)
        self.assertEqual(self.printer.get(STATUS)[0], 200)

    def test_settings_the_agent_refuses_are_logged_and_do_not_stop_the_rest(self):
        self.agent.answers["configure"] = AgentError(400, "bad_url", "Not an address", "", "Mend marketplace_url.")
        self.agent.start()
        self.addCleanup(self.agent.stop)
        self.assertEqual(self.printer.get(STATUS)[0], 200)
        self.printer.expect_log("[lmnt_marketplace] the agent did not take the settings: bad_url")


class LinkAlone(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        module, self.problems = link_module()
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.agent = AgentStandIn(os.path.join(folder, "agent.sock")).start()
        self.addCleanup(self.agent.stop)
        self.link = module.AgentLink(self.agent.path, {})
        self.addAsyncCleanup(self.link.close)

    async def call(self, method="status", timeout=20.0):
        return await self.link.call(method, {}, timeout)

    async def refusal(self, *args, **kwargs) -> str:
        with self.assertRaises(self.problems.Problem) as caught:
            await self.call(*args, **kwargs)
        return caught.exception.code

    async def test_answers_in_any_order_reach_their_requests(self):
        later = threading.Event()

        def slow(_params):
            later.wait(20)
            return "slow"

        self.agent.answers.update(slow=slow, fast="fast")
        slow_call = asyncio.ensure_future(self.call("slow"))
        self.assertEqual(await self.call("fast"), "fast")
        later.set()
        self.assertEqual(await slow_call, "slow")

    async def test_a_late_answer_is_dropped_and_the_connection_goes_on(self):
        later = threading.Event()
        self.agent.answers["slow"] = lambda _params: later.wait(20) and "late"
        self.assertEqual(await self.refusal("slow", timeout=0.05), "agent_timeout")
        later.set()
        self.agent.answers["status"] = "fresh"
        self.assertEqual(await self.call(), "fresh")
        self.assertEqual([method for method, _ in self.agent.log].count("configure"), 1)

    async def test_lines_that_cannot_be_read_end_the_connection_and_the_next_request_makes_a_new_one(self):
        nonsense = (b"hello\n", b"[]\n", b"{}\n", b'{"id": "1", "result": 1}\n', b"\xff\n", b"[" * 60000 + b"\n", b"x" * 70000 + b"\n")
        for line in nonsense:
            with self.subTest(line=line[:20]):
                self.agent.answers["status"] = lambda _params, line=line: line
                with self.assertLogs("sealpost", "WARNING"):
                    self.assertEqual(await self.refusal(), "agent_protocol")
                self.agent.answers["status"] = "well"
                self.assertEqual(await self.call(), "well")

    async def test_an_answer_without_result_or_error_is_an_error(self):
        last_id = 1 + len(self.agent.log)
        self.agent.answers["status"] = lambda _params: json.dumps({"id": last_id + 1}).encode() + b"\n"
        self.assertEqual(await self.refusal(), "agent_protocol")

    async def test_requests_under_way_fail_when_the_agent_goes(self):
        asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        finish = threading.Event()

        def slow(_params):
            loop.call_soon_threadsafe(asked.set)
            finish.wait(20)
            return "too late"

        self.agent.answers["slow"] = slow
        call = asyncio.ensure_future(self.refusal("slow"))
        await asked.wait()
        self.agent.stop()
        self.assertEqual(await call, "agent_unreachable")
        finish.set()

    async def test_a_result_of_null_is_a_result(self):
        self.agent.answers["status"] = None
        self.assertIsNone(await self.call())


if __name__ == "__main__":
    unittest.main()
