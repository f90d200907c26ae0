"""The reader hands out every byte of a sealed memfd, once."""
# SPDX-License-Identifier: MIT OR Apache-2.0
import os
import random
import sys
import unittest

from . import kit

sys.path.insert(0, str(kit.EXTRAS))
from sealpost import player, reader, rules  # noqa: E402


def open_reader(data, is_shutdown=lambda: False):
    return reader.SealedReader(kit.memfd(data), len(data), "stub", is_shutdown)


def lines_of(file):
    """What virtual_sdcard would run, with the position after each line."""
    position, partial = 0, ""
    while True:
        text = file.read(8192)
        if not text:
            return
        lines = (partial + text).split("\n")
        partial = lines.pop()
        for line in lines:
            position += len(line.encode()) + 1
            yield line, position


class Reading(unittest.TestCase):
    def test_positions_are_bytes_whatever_the_bytes_are(self):
        rng = random.Random(1)
        for size in [1, 2, 100, 8191, 8192, 8193, 50000]:
            data = bytes(rng.choice(b"G1 \r\n\xc3\xa9\xff\xe2\x82\xac;")
                         for _ in range(size))
            expected, position = [], 0
            pieces = data.split(b"\n")
            for piece in pieces[:-1] if data.endswith(b"\n") else pieces:
                position += len(piece) + 1
                expected.append(position)
            with self.subTest(size=size):
                file = open_reader(data)
                self.assertEqual([p for _, p in lines_of(file)], expected)
                self.assertEqual(file.length, expected[-1])
                self.assertTrue(file.at_end)

    def test_valid_utf8_and_every_ascii_byte_come_out_as_they_are(self):
        ascii_bytes = bytes(range(1, 128)).replace(b"\n", b"")
        data = ascii_bytes + b"\nM117 \xc3\xa9\xe2\x82\xac\n"
        lines = [line for line, _ in lines_of(open_reader(data))]
        self.assertEqual(lines, [ascii_bytes.decode(), "M117 \u00e9\u20ac"])

    def test_a_byte_that_is_not_utf8_becomes_one_mark(self):
        lines = [line for line, _ in lines_of(open_reader(b"; h\xe9\nM84\n"))]
        self.assertEqual(lines, ["; h?", "M84"])

    def test_a_line_far_longer_than_a_piece_comes_out_whole(self):
        data = b"G28\n;" + b"x" * 60000 + b"\nM84"
        lines = [line for line, _ in lines_of(open_reader(data))]
        self.assertEqual([len(line) for line in lines], [3, 60001, 3])

    def test_every_line_that_the_agent_lets_pass_is_read(self):
        longest = rules.load_table()["line_max"]
        self.assertEqual(reader.MAX_LINE, longest)
        for before, size, end in ((b"", longest, b"\n"), (b"", longest, b""),
                                  (b"G28\n" * 30000, longest, b"\nM84\n"),
                                  (b"G28\n", 200000, b"")):
            data = before + b";" * size + end
            with self.subTest(before=len(before), size=size, end=end):
                file = open_reader(data)
                lines = list(lines_of(file))
                self.assertEqual("".join(line for line, _ in lines),
                                 data.decode().replace("\n", ""))
                self.assertEqual(lines[-1][1], file.length)
                self.assertIsNone(file.problem)
                self.assertTrue(file.at_end)

    def test_a_line_without_end_stops_the_print_before_any_of_it_runs(self):
        file = open_reader(b"G28\n" + b"x" * (reader.MAX_LINE + 1) + b"\n")
        self.assertEqual(file.read(), "G28\n")
        self.assertEqual(file.read(), reader.STOP)
        self.assertIn("longer than", file.problem)

    def test_seeking_is_bound_to_the_piece_that_was_read_last(self):
        data = b"G1 X1 Y1\n" * 5000
        file = open_reader(data)
        file.read()
        first_end = file.tell()
        text = file.read()
        self.assertEqual(file.seek(first_end), first_end)
        self.assertEqual(file.read(), text)
        for position in (0, first_end - 9, file.tell() + 9, len(data)):
            with self.subTest(position=position):
                other = open_reader(data)
                other.read()
                other.read()
                other.seek(position)
                self.assertEqual(other.read(), reader.STOP)

    def test_the_end_is_not_reached_by_skipping(self):
        file = open_reader(b"G28\n" * 10)
        file.seek(40)
        self.assertEqual(file.read(), reader.STOP)
        self.assertFalse(file.at_end)

    def test_a_blanked_file_shows_nothing_and_never_ends(self):
        file = open_reader(b"G1 X5\n" * 3000)
        file.read()
        fd = file._fd
        file.blank()
        with self.assertRaises(OSError):
            os.fstat(fd)
        file.seek(10)
        self.assertEqual(file.read(1152), reader.BLANKED)
        with self.assertRaises(ValueError):
            file.read()

    def test_a_shutdown_blanks_the_file_without_being_told(self):
        for seeks in (False, True):
            with self.subTest(seeks=seeks):
                down = []
                file = open_reader(b"G1 X5\n" * 3000, lambda: bool(down))
                file.read()
                down.append(True)
                if seeks:
                    file.seek(0)
                self.assertEqual(file.read(), reader.BLANKED)
                self.assertTrue(file.closed)

    def test_closing_gives_the_descriptor_back(self):
        file = open_reader(b"G28\n")
        fd = file._fd
        file.close()
        file.close()
        with self.assertRaises(OSError):
            os.fstat(fd)
        with self.assertRaises(ValueError):
            file.read()


class Providing(unittest.TestCase):
    def test_a_provider_gives_the_same_lines_and_counts_bytes(self):
        data = b"G28\r\n; h\xe9\n" + b"G1 X1\n" * 4000 + b"M84"
        provider = player.Provider("sealpost/j.gcode", open_reader(data))
        seen, positions = [], []
        for line in provider.get_gcode():
            positions.append(provider.get_status(0)["progress"])
            seen.append(line)
        self.assertEqual(seen, [line for line, _ in lines_of(open_reader(data))])
        self.assertEqual(positions, sorted(positions))
        self.assertLess(positions[-1], 1.0)
        self.assertEqual(provider.position, len(data))
        self.assertFalse(provider.is_active())

    def test_a_provider_shows_nothing_at_a_shutdown(self):
        provider = player.Provider("sealpost/j.gcode", open_reader(b"G28\n"))
        lines = provider.get_gcode()
        next(lines)
        provider.handle_shutdown()
        self.assertTrue(provider.reader.closed)


if __name__ == "__main__":
    unittest.main()
