"""Only a sealed memfd of the stated size, from the agent, is taken."""
# SPDX-License-Identifier: MIT OR Apache-2.0
import json
import os
import socket
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from . import kit

PART = b"G28\nM118 secret\nM84\n"


class HandoverTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = kit.Host()

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def setUp(self):
        self.handover = self.host.handover()
        self.job = "h" + os.urandom(6).hex()

    def tearDown(self):
        status = self.handover.status()
        if status["state"] == "loaded":
            self.handover.request("drop", job=status["job"])
        self.handover.close()

    def test_the_greeting_says_who_listens(self):
        greeting = self.handover.greeting
        self.assertEqual(greeting["sealpost"], 1)
        self.assertIs(greeting["dumpable"], False)
        self.assertIn(greeting["reader"], ("virtual_sdcard", "gcode_provider"))
        if self.host.process is not None:
            self.assertEqual(greeting["pid"], self.host.process.pid)
        self.assertEqual(greeting["state"], "idle")

    def test_the_process_belongs_to_root_in_proc(self):
        folder = os.stat("/proc/%d/fd" % self.handover.greeting["pid"])
        self.assertEqual((folder.st_uid, folder.st_gid), (0, 0))

    def test_a_sealed_memfd_is_held_until_it_is_dropped(self):
        before = self.host.memfds()
        self.assertIsNone(self.handover.load(self.job, PART))
        status = self.handover.status()
        self.assertEqual((status["state"], status["job"], status["size"]),
                         ("loaded", self.job, len(PART)))
        self.assertEqual(self.handover.request("drop", job=self.job)["result"],
                         {"job": self.job})
        status = self.handover.status()
        self.assertEqual(status["state"], "idle")
        self.assertEqual((status["last"]["job"], status["last"]["outcome"]),
                         (self.job, "dropped"))
        self.assertEqual(self.host.memfds(), before)

    def test_a_memfd_that_lacks_any_seal_is_refused(self):
        for missing in (1, 2, 4, 8, 15):
            fd = kit.memfd(PART, kit.ALL_SEALS & ~missing)
            with self.subTest(missing=missing):
                self.assertEqual(self.handover.load(self.job, PART, [fd]),
                                 "not_sealed")
            os.close(fd)

    def test_a_wrong_size_is_refused(self):
        for size in (len(PART) - 1, len(PART) + 1, 10 ** 12):
            self.assertEqual(self.handover.load(self.job, PART, size=size),
                             "size_mismatch")

    def test_what_is_no_memfd_is_refused(self):
        ends = os.pipe()
        with tempfile.TemporaryFile() as plain, open("/dev/zero") as device, \
                socket.socket() as sock:
            plain.write(PART)
            plain.flush()
            for fd in (ends[0], plain.fileno(), device.fileno(), sock.fileno()):
                with self.subTest(fd=os.readlink("/proc/self/fd/%d" % fd)):
                    self.assertIn(self.handover.load(self.job, PART, [fd]),
                                  ("bad_fd", "not_sealed"))
        for fd in ends:
            os.close(fd)

    def test_none_or_several_descriptors_are_refused(self):
        fds = [kit.memfd(PART) for _ in range(4)]
        request = {"job": self.job, "name": "sealpost/%s.gcode" % self.job,
                   "size": len(PART), "layers": None}
        answer = self.handover.request("load", **request)
        self.assertEqual(answer["error"]["code"], "bad_fd")
        for count in (2, 4):
            self.assertEqual(
                self.handover.load(self.job, PART, fds[:count]), "bad_fd")
        for fd in fds:
            os.close(fd)

    def test_a_descriptor_is_not_kept_for_a_later_line(self):
        before = self.host.memfds()
        fd = kit.memfd(PART)
        self.handover.request("status", [fd])
        answer = self.handover.request(
            "load", job=self.job, name="sealpost/%s.gcode" % self.job,
            size=len(PART), layers=None)
        os.close(fd)
        self.assertEqual(answer["error"]["code"], "bad_fd")
        self.assertEqual(self.host.memfds(), before)

    def test_refused_descriptors_are_closed(self):
        before = self.host.memfds()
        for _ in range(5):
            self.handover.load(self.job, PART, size=7)
            self.handover.load("UPPER", PART)
        self.assertEqual(self.host.memfds(), before)

    def test_a_load_that_never_started_gives_way(self):
        before = self.host.memfds()
        self.assertIsNone(self.handover.load(self.job, PART))
        self.assertIsNone(self.handover.load(self.job + "b", PART))
        self.assertEqual(self.handover.status()["job"], self.job + "b")
        if before is not None:
            self.assertEqual(self.host.memfds(), before + 1)

    def test_bad_fields_are_refused(self):
        name = "sealpost/%s.gcode" % self.job
        for field in ({"job": "../x"}, {"job": ""}, {"job": "a" * 65},
                      {"job": 7}, {"job": "J"}, {"job": "a\n"},
                      {"name": "sealpost/other.gcode"}, {"name": None},
                      {"name": "/" + name}, {"size": "20"}, {"size": -1},
                      {"size": 0}, {"size": True}, {"size": 20.0},
                      {"layers": "3"}, {"layers": -1}, {"layers": 10 ** 9}):
            with self.subTest(**field):
                self.assertEqual(self.handover.load(self.job, PART, **field),
                                 "bad_request")

    def test_nonsense_gets_an_error_and_the_connection_goes_on(self):
        for line in ("", "{", "[]", "null", "7", '"x"', "{}", '{"id":1}',
                     '{"id":"1","op":"status"}', '{"id":1,"op":[]}',
                     '{"id":true,"op":"status"}', '{"id":1,"op":"start"}',
                     "[" * 3000, '{"id":1,"op":"drop"}', "\x00\x7f"):
            with self.subTest(line=line[:20]):
                answer = self.handover.raw(line)
                self.assertIn(answer["error"]["code"],
                              ("bad_request", "unknown_job"))
        self.assertEqual(self.handover.status()["state"], "idle")

    def test_bytes_that_are_no_text_get_an_error(self):
        self.handover.sock.sendall(b"\xff\xfe\n")
        self.assertEqual(self.handover.receive()["error"]["code"], "bad_request")

    def test_an_endless_line_ends_the_connection_only(self):
        with self.host.handover() as other:
            answer = None
            try:
                for _ in range(100):
                    other.sock.sendall(b"x" * 4096)
                answer = other.receive()
            except (BrokenPipeError, ConnectionResetError):
                pass
            if answer is not None:
                self.assertEqual(answer["error"]["code"], "bad_request")
                self.assertIsNone(other.receive())
        self.assertEqual(self.handover.status()["state"], "idle")

    def test_a_request_may_come_in_pieces(self):
        line = json.dumps({"id": 5, "op": "status"}).encode() + b"\n"
        for byte in line:
            self.handover.sock.sendall(bytes([byte]))
        self.assertEqual(self.handover.receive()["id"], 5)

    def test_requests_may_come_together(self):
        self.handover.sock.sendall(b'{"id":1,"op":"status"}\n'
                                   b'{"id":2,"op":"status"}\n')
        self.assertEqual(self.handover.receive()["id"], 1)
        self.assertEqual(self.handover.receive()["id"], 2)

    def test_more_connections_than_needed_are_refused(self):
        others = []
        try:
            with self.assertRaises((TypeError, OSError)):
                for _ in range(20):
                    others.append(self.host.handover())
                    others[-1].greeting["pid"]
        finally:
            for other in others:
                other.close()

    @unittest.skipUnless(os.getuid() == 0, "needs to become another user")
    def test_another_user_gets_no_byte(self):
        script = ("import os,socket,sys; os.setgid(65534); os.setuid(65534)\n"
                  "s=socket.socket(socket.AF_UNIX); s.settimeout(10)\n"
                  "s.connect(sys.argv[1]); sys.exit(len(s.recv(100)))")
        path, folder = self.host.handover_path, self.host.data
        modes = [(p, os.stat(p).st_mode) for p in (path, folder)]
        try:
            for p, _ in modes:
                os.chmod(p, 0o777)
            done = subprocess.run([sys.executable, "-S", "-c", script, str(path)],
                                  cwd="/", stderr=subprocess.PIPE)
        finally:
            for p, mode in modes:
                os.chmod(p, mode & 0o7777)
        self.assertEqual((done.returncode, done.stderr), (0, b""))


@unittest.skipIf(kit.PRINTER_DATA, "needs a configuration of its own")
class Configuration(unittest.TestCase):
    def host(self, *args, **kwargs):
        host = kit.Host(*args, **kwargs)
        self.addCleanup(host.stop)
        return host

    def listens(self, host):
        with host.api() as api:
            return api.query("sealpost")["socket"]

    def test_only_the_named_agent_is_served(self):
        host = self.host(config="agent_user: 54321")
        with kit.Socket(host.handover_path, b"\n") as connection:
            self.assertIsNone(connection.receive())

    def test_without_the_agents_user_or_the_folder_klipper_starts(self):
        with tempfile.TemporaryDirectory() as folder:
            for config in ("agent_user: nobody-has-this-name",
                           "socket: " + os.path.join(folder, "no/s.sock")):
                host = self.host(config=config)
                self.assertEqual(host.state, "ready", config)
                self.assertIsNone(self.listens(host), config)
                with host.api() as api:
                    self.assertIsNone(api.script("M118 prints"), config)

    def test_with_a_klipper_that_it_does_not_know_klipper_starts(self):
        # As after an update over night.
        for change in (
                "del v._reset_file",
                "i = v.__init__; v.__init__ = lambda s, c: "
                "(i(s, c), s.gcode.handlers.pop('M26'))[0]"):
            with tempfile.TemporaryDirectory() as folder:
                program = os.path.join(folder, "python")
                with open(program, "w") as script:
                    script.write(
                        '#!/bin/sh\nshift 2\nexec %s -c "from klipper_host'
                        ".virtual_sdcard import VirtualSD as v; %s; from"
                        ' klipper_host.__main__ import main; main()" "$@"\n'
                        % (sys.executable, change))
                os.chmod(program, 0o755)
                with mock.patch.dict(os.environ, HOST_PYTHON=program):
                    host = self.host(config="agent_user: 54321\nsocket: "
                                     + os.path.join(folder, "s.sock"))
                self.assertEqual(host.state, "ready", change)
                self.assertIsNone(self.listens(host), change)
                self.assertIn("takes no purchased files",
                              host.log.read_text())
                with host.api() as api:
                    self.assertIsNone(api.script("M118 prints"), change)

    def test_the_socket_can_be_elsewhere(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "s.sock")
            self.host(config="socket: " + path)
            with kit.Handover(path) as connection:
                self.assertEqual(connection.greeting["sealpost"], 1)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o660)

    def test_a_stale_socket_is_replaced_and_nothing_else(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "s.sock")
            stale = socket.socket(socket.AF_UNIX)
            stale.bind(path)
            stale.close()
            first = self.host(config="socket: " + path)
            second = self.host(config="socket: " + path)
            self.assertEqual(self.listens(first), path)
            self.assertEqual(second.state, "ready")
            self.assertIsNone(self.listens(second))
            with kit.Handover(path) as connection:
                self.assertEqual(connection.greeting["pid"], first.process.pid)
            other = os.path.join(folder, "file")
            with open(other, "w") as file:
                file.write("kept")
            third = self.host(config="socket: " + other)
            self.assertEqual(third.state, "ready")
            self.assertIsNone(self.listens(third))
            with open(other) as file:
                self.assertEqual(file.read(), "kept")

    def test_the_other_section_names_load_the_same_object(self):
        host = self.host(sections="[encrypted_file_bridge]\n[secure_print]")
        self.assertEqual(host.state, "ready")
        with host.handover() as connection:
            self.assertEqual(connection.greeting["sealpost"], 1)


if __name__ == "__main__":
    unittest.main()
