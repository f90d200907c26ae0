# What the kernel says about descriptors, peers and this process.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import ctypes
import fcntl
import logging
import os
import resource
import socket
import stat
import struct

from .refusal import Refusal

PR_GET_DUMPABLE = 3
PR_SET_DUMPABLE = 4
F_GET_SEALS = 1034
# F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE
ALL_SEALS = 0x1 | 0x2 | 0x4 | 0x8


def hide_process():
    """Makes this process non-dumpable; returns whether it still is dumpable.

    It leaves no core files either, not even where the system collects those of
    non-dumpable processes (fs.suid_dumpable = 2): one byte is the limit at
    which a file and a pipe to a collector are both left alone (core(5) knows
    0 for files only). The hard limit keeps others of this user from raising it.
    """
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (1, 1))
    except (ValueError, OSError):
        # Lower than that already.
        pass
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        dumpable = libc.prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0
    except Exception:
        logging.exception("sealpost: prctl")
        return True
    if dumpable:
        logging.warning("sealpost: Klipper could not be made non-dumpable")
    return dumpable


def peer_uid(sock):
    """The user at the other end of a Unix socket."""
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED,
                          struct.calcsize("3i"))
    return struct.unpack("3i", raw)[1]


def check_sealed(fd, size=None):
    """Refuses anything but a sealed memfd; returns its size in bytes.

    `size` is what the sender said, None where nothing was said.
    """
    try:
        info = os.fstat(fd)
        regular = stat.S_ISREG(info.st_mode)
        seals = fcntl.fcntl(fd, F_GET_SEALS) if regular else None
    except OSError:
        seals = None
    if seals is None:
        raise Refusal("bad_fd", "the descriptor is not a memfd")
    if seals & ALL_SEALS != ALL_SEALS:
        raise Refusal("not_sealed", "the memfd is not sealed against write,"
                      " shrink, grow and seal")
    if size is not None and info.st_size != size:
        raise Refusal("size_mismatch", "the memfd holds %d bytes, not %d"
                      % (info.st_size, size))
    if info.st_size == 0:
        raise Refusal("size_mismatch", "the memfd is empty")
    try:
        os.pread(fd, 1, 0)
    except OSError:
        raise Refusal("bad_fd", "the descriptor cannot be read")
    return info.st_size


def open_foreign(pid, number):
    """Opens descriptor `number` of process `pid` (compatible mode)."""
    path = "/proc/%d/fd/%d" % (pid, number)
    try:
        # Looked at first: opening a pipe or a device has side effects.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise Refusal("bad_fd", "the descriptor is not a memfd")
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as e:
        raise Refusal("bad_fd", "the descriptor cannot be opened: %s"
                      % (e.strerror,))
