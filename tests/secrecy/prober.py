"""Tries every way into another process that Linux has for programs without privileges.

usage: prober.py probe PID CANARY [NAME...]
                                     tries, and tells each attempt as JSON: {name: "in" | "out: REASON"}
       prober.py victim CANARY       a process that hides nothing: an unsealed memfd with CANARY; prints its pid
       prober.py connect SOCKET...   what is received there: {path: "N bytes" | REASON}
       prober.py listen SOCKET       listens, non-dumpable, and greets as Klipper's extra does; tells what it is sent
"""
# SPDX-License-Identifier: MIT OR Apache-2.0
import array
import ctypes
import errno
import fcntl
import json
import mmap
import os
import resource
import signal
import socket
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_DUMPABLE, PR_SET_PTRACER = 4, 0x59616D61
PTRACE_ATTACH, PTRACE_DETACH, PTRACE_SEIZE = 16, 17, 0x4206
PIDFD_OPEN, PIDFD_GETFD = 434, 438
MACHINE = os.uname().machine
CALLS = {"x86_64": (310, 311, 312, 298), "aarch64": (270, 271, 272, 241)}
READV, WRITEV, KCMP, PERF = CALLS.get(MACHINE, (None,) * 4)
F_ADD_SEALS, F_SEAL_WRITE = 1033, 8
DESCRIPTORS = 128


def main():
    command, arguments = sys.argv[1], sys.argv[2:]
    if command == "probe":
        print(json.dumps(probe(int(arguments[0]), arguments[1].encode(), arguments[2:])))
    elif command == "victim":
        victim(arguments[0].encode())
    elif command == "connect":
        print(json.dumps({path: connect(path) for path in arguments}))
    else:
        listen(arguments[0])


def probe(pid, canary, names):
    attempts = {
        "list descriptors": lambda: os.listdir(f"/proc/{pid}/fd"),
        "list descriptors of a thread": lambda: os.listdir(f"/proc/{pid}/task/{pid}/fd"),
        "read link of a descriptor": lambda: each(lambda n: os.readlink(f"/proc/{pid}/fd/{n}")),
        "read descriptors": lambda: holding(f"/proc/{pid}/fd", canary),
        "read descriptors of a thread": lambda: holding(f"/proc/{pid}/task/{pid}/fd", canary),
        "read positions": lambda: each(lambda n: slurp(f"/proc/{pid}/fdinfo/{n}")),
        "write a descriptor": lambda: change(pid, lambda fd: os.pwrite(fd, b"X", 0)),
        "cut a descriptor": lambda: change(pid, lambda fd: os.ftruncate(fd, os.fstat(fd).st_size - 1)),
        "map a descriptor for writing": lambda: change(pid, write_through_map),
        "seal a descriptor": lambda: change(pid, lambda fd: fcntl.fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)),
        "change rights of a descriptor": lambda: each(lambda n: os.chmod(f"/proc/{pid}/fd/{n}", 0o777)),
        "read maps": lambda: slurp(f"/proc/{pid}/maps"),
        "read smaps": lambda: slurp(f"/proc/{pid}/smaps"),
        "list mapped files": lambda: os.listdir(f"/proc/{pid}/map_files"),
        "read page tables": lambda: open(f"/proc/{pid}/pagemap", "rb").close() or b"in",
        "read memory": lambda: memory(pid, canary),
        "open memory for writing": lambda: os.open(f"/proc/{pid}/mem", os.O_RDWR) or 1,
        "read environment": lambda: slurp(f"/proc/{pid}/environ") or b"in",
        "read auxiliary vector": lambda: slurp(f"/proc/{pid}/auxv"),
        "read system call": lambda: slurp(f"/proc/{pid}/syscall"),
        "walk its root": lambda: os.listdir(f"/proc/{pid}/root"),
        "read its folder": lambda: os.readlink(f"/proc/{pid}/cwd"),
        "process_vm_readv": lambda: vector(READV, pid),
        "process_vm_writev": lambda: vector(WRITEV, pid),
        "ptrace attach": lambda: trace(PTRACE_ATTACH, pid),
        "ptrace seize": lambda: trace(PTRACE_SEIZE, pid),
        "pidfd_getfd": lambda: steal(pid),
        "kcmp": lambda: 1 + call(KCMP, os.getpid(), pid, 2, 0, 0),
        "perf": lambda: perf(pid),
        "raise its core limit": lambda: resource.prlimit(
            pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2) and 1,
        "allow it a core file": lambda: resource.prlimit(
            pid, resource.RLIMIT_CORE, (1 << 20, 1 << 20)) and 1,
    }
    return {name: attempt(way) for name, way in attempts.items() if not names or name in names}


def attempt(way):
    try:
        return "in" if way() else "out: nothing"
    except OSError as e:
        return "out: " + errno.errorcode.get(e.errno, str(e.errno))
    except ValueError as e:
        return "out: " + str(e)


def each(way):
    """What `way` gives for the first descriptor that lets it; its last error where none does."""
    last = OSError(errno.ENOENT, "no descriptor")
    for number in range(DESCRIPTORS):
        try:
            return way(number) or b"in"
        except FileNotFoundError:
            pass
        except OSError as e:
            last = e
    raise last


def holding(folder, canary):
    last = OSError(errno.ENOENT, "no descriptor")
    for number in range(DESCRIPTORS):
        path = f"{folder}/{number}"
        try:
            # Pipes and devices would be waited for.
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            continue
        except OSError as e:
            last = e
            continue
        try:
            if canary in os.pread(fd, 1 << 20, 0):
                return b"in"
        except OSError:
            pass
        finally:
            os.close(fd)
    raise last


def change(pid, way):
    def one(number):
        path = f"/proc/{pid}/fd/{number}"
        if not os.readlink(path).startswith("/memfd:"):
            raise FileNotFoundError(errno.ENOENT, path)
        fd = os.open(path, os.O_RDWR)
        try:
            way(fd)
        finally:
            os.close(fd)
        return b"in"
    return each(one)


def write_through_map(fd):
    with mmap.mmap(fd, 1, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE) as view:
        view[0] = view[0]


def memory(pid, canary):
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
        for line in open(f"/proc/{pid}/maps"):
            span, rights = line.split()[:2]
            begin, end = (int(part, 16) for part in span.split("-"))
            if rights.startswith("rw") and end - begin < 1 << 28:
                try:
                    file.seek(begin)
                    if canary in file.read(end - begin):
                        return b"in"
                except OSError:
                    pass
    return b""


def address(pid):
    """Somewhere in its memory; the question of rights comes first."""
    try:
        with open(f"/proc/{pid}/maps") as maps:
            return next(int(line.split("-")[0], 16) for line in maps if " rw" in line)
    except OSError:
        return 0x400000


def vector(number, pid):
    own = ctypes.create_string_buffer(1)
    here = (ctypes.c_void_p * 2)(ctypes.addressof(own), 1)
    there = (ctypes.c_void_p * 2)(address(pid), 1)
    if number == WRITEV:
        # Writes back what is there.
        call(READV, pid, ctypes.addressof(here), 1, ctypes.addressof(there), 1, 0)
    return call(number, pid, ctypes.addressof(here), 1, ctypes.addressof(there), 1, 0)


def trace(request, pid):
    LIBC.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    if LIBC.ptrace(request, pid, None, None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    if request == PTRACE_ATTACH:
        os.waitpid(pid, 0x40000000)
    else:
        LIBC.ptrace(0x4207, pid, None, None)
        os.waitpid(pid, 0x40000000)
    LIBC.ptrace(PTRACE_DETACH, pid, None, None)
    return b"in"


def steal(pid):
    pidfd = call(PIDFD_OPEN, pid, 0)
    return each(lambda number: os.close(bad_is_absent(pidfd, number)) or b"in")


def bad_is_absent(pidfd, number):
    try:
        return call(PIDFD_GETFD, pidfd, number, 0)
    except OSError as e:
        if e.errno == errno.EBADF:
            raise FileNotFoundError(errno.ENOENT, "no such descriptor")
        raise


def perf(pid):
    # struct perf_event_attr: software event, task clock, user space only.
    attributes = struct.pack("IIQQQQQ", 1, 64, 1, 0, 0, 0, 1 | 1 << 5 | 1 << 6).ljust(64, b"\0")
    buffer = ctypes.create_string_buffer(attributes, 64)
    return 1 + call(PERF, ctypes.addressof(buffer), pid, -1, -1, 0)


def call(number, *arguments):
    if number is None:
        raise OSError(errno.ENOSYS, "not on this machine")
    result = LIBC.syscall(ctypes.c_long(number), *(ctypes.c_long(one) for one in arguments))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


def slurp(path):
    with open(path, "rb") as file:
        return file.read()


def victim(canary):
    fd = os.memfd_create("victim", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, canary)
    kept = bytearray(canary)
    # Where Yama is in force a victim has to ask for it.
    LIBC.prctl(PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)
    print(f"victim {os.getpid()} holds {len(kept)} bytes", flush=True)
    signal.pause()


def connect(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        try:
            client.connect(path)
            received = client.recv(4096)
            return f"{len(received)} bytes"
        except OSError as e:
            return errno.errorcode.get(e.errno, str(e.errno))


def listen(path):
    LIBC.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    if os.path.exists(path):
        os.unlink(path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        os.chmod(path, 0o777)
        server.listen(8)
        print(f"listening as {os.getpid()}", flush=True)
        while True:
            client, _ = server.accept()
            with client:
                greet(client)


def greet(client):
    hello = {"sealpost": 1, "version": "0.1.0", "pid": os.getpid(), "dumpable": False,
             "reader": "virtual_sdcard", "state": "idle"}
    client.sendall(json.dumps(hello).encode() + b"\n")
    while True:
        try:
            data, rights, _, _ = client.recvmsg(4096, socket.CMSG_SPACE(16))
        except OSError:
            data, rights = b"", []
        if not data:
            print("hung up", flush=True)
            return
        descriptors = array.array("i")
        for _, _, raw in rights:
            descriptors.frombytes(raw[:len(raw) - len(raw) % 4])
        print(f"received {data!r} and {len(descriptors)} descriptors", flush=True)
        request = json.loads(data.split(b"\n")[0])
        answer = {"id": request["id"], "result": {"job": request.get("job"), "name": request.get("name")}}
        client.sendall(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main()
