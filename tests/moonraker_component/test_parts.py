# SPDX-License-Identifier: GPL-3.0-or-later
"""What Moonraker's own metadata reader finds in the parts of tests/parts."""
from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from .printer import MOONRAKER_PYTHON

PARTS = pathlib.Path(__file__).resolve().parents[1] / "parts"


def read_metadata(folder: str, name: str) -> dict:
    answer = subprocess.run(
        [MOONRAKER_PYTHON, "-m", "moonraker.components.file_manager.metadata", "-f", name, "-p", folder],
        check=True, capture_output=True, timeout=60,
    )
    return json.loads(answer.stdout)["metadata"]


def generate(folder: str, *options: str) -> pathlib.Path:
    out = pathlib.Path(folder) / "part.gcode"
    subprocess.run([sys.executable, PARTS / "generate.py", out, *options], check=True, capture_output=True, timeout=60)
    return out


class SealPost(unittest.TestCase):
    def test_its_pictures_layers_and_time_are_found(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(PARTS / "seal-post.gcode", folder)
            found = read_metadata(folder, "seal-post.gcode")
            self.assertEqual((found["layer_count"], found["estimated_time"], found["object_height"]), (21, 107, 6.3))
            self.assertEqual([picture["width"] for picture in found["thumbnails"]], [32, 300])
            for picture in found["thumbnails"]:
                png = (pathlib.Path(folder) / picture["relative_path"]).read_bytes()
                self.assertEqual(png[:8], b"\x89PNG\r\n\x1a\n")

    def test_its_model_is_what_the_script_writes(self):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "model.stl"
            subprocess.run([sys.executable, PARTS / "model.py", out], check=True, timeout=60)
            self.assertEqual(out.read_bytes(), (PARTS / "seal-post.stl").read_bytes())


class GeneratedParts(unittest.TestCase):
    def test_layers_and_time_are_found(self):
        with tempfile.TemporaryDirectory() as folder:
            generate(folder, "--layers", "7", "--time", "5025")
            found = read_metadata(folder, "part.gcode")
            self.assertEqual((found["layer_count"], found["estimated_time"]), (7, 5025))

    def test_a_part_is_exactly_as_long_as_asked_and_the_same_each_time(self):
        with tempfile.TemporaryDirectory() as folder:
            for size in [*range(20000, 20012), 123457]:
                options = ("--layers", "5", "--size", str(size), "--crlf")
                first = generate(folder, *options).read_bytes()
                self.assertEqual(len(first), size)
                self.assertEqual(first, generate(folder, *options).read_bytes())

    def test_line_ends_odd_bytes_and_the_missing_newline_come_only_on_request(self):
        with tempfile.TemporaryDirectory() as folder:
            plain = generate(folder).read_bytes()
            self.assertTrue(plain.isascii() and plain.endswith(b"M84\n") and b"\r" not in plain)
            odd = generate(folder, "--crlf", "--latin1", "--no-final-newline").read_bytes()
            self.assertEqual(odd.count(b"\n"), odd.count(b"\r\n"))
            self.assertTrue(odd.endswith(b"\r\nM84"))
            with self.assertRaises(UnicodeDecodeError):
                odd.decode()

    def test_a_size_too_small_for_its_layers_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaises(subprocess.CalledProcessError) as caught:
                generate(folder, "--layers", "50", "--size", "1000")
            self.assertIn(b"at least", caught.exception.stderr)


if __name__ == "__main__":
    unittest.main()
