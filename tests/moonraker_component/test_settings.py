# SPDX-License-Identifier: GPL-3.0-or-later
"""What moonraker.conf says reaches the agent, from whichever section says it."""
from __future__ import annotations

import unittest

from .agent_stand_in import AgentStandIn
from .printer import Printer

STATUS = "/machine/lmnt_marketplace/status"
DEFAULTS = {"check_interval": 60, "debug_mode": False}


class Settings(unittest.TestCase):
    def configured(self, sections: str) -> dict:
        self.printer = self.enterContext(Printer(sections))
        agent = AgentStandIn(self.printer.agent_socket).start()
        self.addCleanup(agent.stop)
        self.assertEqual(self.printer.get(STATUS)[0], 200)
        return agent.expect("configure")

    def warnings(self) -> str:
        info = self.printer.get("/server/info")[1]["result"]
        self.assertEqual(info["failed_components"], [])
        return "\n".join(info["warnings"])

    def test_the_documented_options_are_handed_to_the_agent(self):
        found = self.configured(
            "[lmnt_marketplace_plugin]\nagent_socket: {socket}\ncheck_interval: 15\ndebug_mode: True\n"
            "marketplace_url: https://store.example\ncws_url: https://cws.example\n"
        )
        self.assertEqual(found, {
            "check_interval": 15, "debug_mode": True,
            "marketplace_url": "https://store.example", "cws_url": "https://cws.example",
        })
        self.assertEqual(self.warnings(), "")

    def test_every_section_alone_loads_the_component(self):
        for name in ("sealpost", "encrypted_print", "lmnt_marketplace_plugin"):
            with self.subTest(section=name):
                self.assertEqual(self.configured(f"[{name}]\nagent_socket: {{socket}}\n"), DEFAULTS)
                self.assertEqual(self.warnings(), "")

    def test_all_sections_together_register_everything_once(self):
        found = self.configured("[encrypted_print]\n\n[sealpost]\nagent_socket: {socket}\n\n[lmnt_marketplace_plugin]\ncheck_interval: 30\n")
        self.assertEqual(found, {**DEFAULTS, "check_interval": 30})
        self.assertEqual(self.warnings(), "")
        self.printer.stop()
        self.assertEqual(self.printer.log().count("connected to the agent"), 1)

    def test_sections_that_disagree_are_told(self):
        found = self.configured("[lmnt_marketplace_plugin]\nagent_socket: {socket}\ncheck_interval: 30\n\n[sealpost]\ncheck_interval: 45\n")
        self.assertIn(found["check_interval"], (30, 45))
        self.assertIn("Option 'check_interval' differs from section", self.warnings())


if __name__ == "__main__":
    unittest.main()
