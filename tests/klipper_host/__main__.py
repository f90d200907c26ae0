"""Runs the stand-in host; see README.md."""
# SPDX-License-Identifier: MIT OR Apache-2.0
import argparse
import json
import logging
import os
import sys
import time
import types

from .printer import Printer
from .reactor import Reactor


class Pace:
    """Records each printed line and holds the print to a number a second."""

    def __init__(self, record, rate):
        self.file = open(record, "a", encoding="utf-8") if record else None
        self.step = 1.0 / rate if rate > 0 else 0.0
        self.due = 0.0

    def next_time(self):
        """When the next line may run."""
        return self.due

    def note(self, line, now):
        if self.file is not None:
            self.file.write(json.dumps(line) + "\n")
            self.file.flush()
        self.due = max(self.due, now - self.step) + self.step


def main():
    parser = argparse.ArgumentParser(prog="klipper_host")
    parser.add_argument("--config", required=True, help="printer.cfg")
    parser.add_argument("-a", "--api-server", help="path of the API socket")
    parser.add_argument("-l", "--logfile", help="log file (default: stderr)")
    parser.add_argument("--extras", help="folder in which extras are looked for")
    parser.add_argument("--record", help="file for the lines that were printed,"
                        " one JSON string a line")
    parser.add_argument("--rate", type=float, default=0.0,
                        help="lines a second, 0: as fast as possible")
    parser.add_argument("--refresh", type=float, default=0.25,
                        help="seconds between updates of a subscription")
    parser.add_argument("--early-dump", action="store_true", help="log what"
                        " surrounds the position at a shutdown at once, as"
                        " older Klippers and Kalico do")
    parser.add_argument("--announce", action="store_true", help="print the"
                        " printer's state each time it has started")
    options = parser.parse_args()
    logging.basicConfig(filename=options.logfile, level=logging.INFO,
                        format="%(message)s")
    extras = types.ModuleType("extras")
    extras.__path__ = [os.path.abspath(options.extras)] if options.extras else []
    sys.modules["extras"] = extras
    start_args = {"announce": options.announce,
                  "early_dump": options.early_dump,
                  "refresh": options.refresh,
                  "config_file": options.config,
                  "apiserver": options.api_server,
                  "log_file": options.logfile, "start_reason": "startup",
                  "software_version": "v0.13.0-stand-in", "cpu_info": "none"}
    pace = Pace(options.record, options.rate)
    while True:
        reactor = Reactor()
        result = Printer(reactor, start_args, pace).run()
        reactor.finalize()
        if result not in ("restart", "firmware_restart"):
            break
        start_args["start_reason"] = result
        time.sleep(0.1)


if __name__ == "__main__":
    main()
