"""Timers, descriptors and pausable callbacks, one running at a time.

Klipper's reactor switches between greenlets. Here every callback runs on a
fiber, which is a thread that only ever runs while the dispatcher waits for
it; pausing gives control back to the dispatcher.
"""
# SPDX-License-Identifier: MIT OR Apache-2.0
import contextlib
import logging
import math
import os
import queue
import select
import threading
import time

NOW = 0.0
NEVER = 9999999999999999.0


class ReactorError(Exception):
    pass


class _Killed(BaseException):
    """Unwinds a fiber that was paused when its printer ended."""


class Timer:
    def __init__(self, callback, waketime):
        self.callback = callback
        self.waketime = waketime
        self.running = False
        self.registered = True


class FdHandler:
    def __init__(self, fd, on_read, on_write):
        self.fd = fd
        self.on_read = on_read
        self.on_write = on_write


class Completion:
    _NOTHING = object()

    def __init__(self, reactor):
        self._reactor = reactor
        self._result = self._NOTHING
        self._waiting = []

    def test(self):
        return self._result is not self._NOTHING

    def complete(self, result):
        self._result = result
        for fiber in self._waiting:
            fiber.waketime = NOW

    def wait(self, waketime=NEVER, waketime_result=None):
        if not self.test():
            fiber = self._reactor.current
            self._waiting.append(fiber)
            try:
                self._reactor.pause(waketime)
            finally:
                self._waiting.remove(fiber)
            if not self.test():
                return waketime_result
        return self._result


class Mutex:
    def __init__(self, reactor, is_locked=False):
        self._reactor = reactor
        self._locked = is_locked
        self._queue = []

    def test(self):
        return self._locked

    def lock(self):
        if not self._locked:
            self._locked = True
            return
        turn = Completion(self._reactor)
        self._queue.append(turn)
        turn.wait()

    def unlock(self):
        # The lock passes to the next in line without ever being free.
        if self._queue:
            self._queue.pop(0).complete(True)
        else:
            self._locked = False

    def __enter__(self):
        self.lock()

    def __exit__(self, *exc):
        self.unlock()


class Fiber:
    def __init__(self, reactor):
        self.reactor = reactor
        self.waketime = NEVER
        self.killed = False
        self.job = None
        self.error = None
        self._go = threading.Semaphore(0)
        threading.Thread(target=self._main, daemon=True).start()

    def _main(self):
        while True:
            self._go.acquire()
            if self.killed:
                break
            try:
                self.job()
            except _Killed:
                break
            except BaseException as e:  # handed to the dispatcher
                self.error = e
            self.job = None
            self.reactor.back.release()
        self.reactor.back.release()

    def resume(self):
        """Runs this fiber until it pauses or its job ends."""
        previous, self.reactor.current = self.reactor.current, self
        self._go.release()
        self.reactor.back.acquire()
        self.reactor.current = previous
        error, self.error = self.error, None
        if error is not None:
            raise error

    def pause(self, waketime):
        self.waketime = waketime
        self.reactor.paused.append(self)
        self.reactor.back.release()
        self._go.acquire()
        if self.killed:
            raise _Killed()


class Reactor:
    NOW = NOW
    NEVER = NEVER

    def __init__(self):
        self.back = threading.Semaphore(0)
        self.current = None
        self.paused = []
        self._idle = []
        self._timers = []
        self._fds = {}
        self._poll = select.poll()
        self._running = False
        self._no_pause = 0
        self._async = queue.Queue()
        self._pipe = os.pipe()
        os.set_blocking(self._pipe[0], False)
        self.register_fd(self._pipe[0], self._run_async)

    def monotonic(self):
        return time.monotonic()

    # Timers and callbacks
    def register_timer(self, callback, waketime=NEVER):
        timer = Timer(callback, waketime)
        self._timers = self._timers + [timer]
        return timer

    def unregister_timer(self, timer):
        timer.waketime = NEVER
        timer.registered = False
        self._timers = [t for t in self._timers if t is not timer]

    def update_timer(self, timer, waketime):
        if not timer.running:
            timer.waketime = waketime

    def register_callback(self, callback, waketime=NOW):
        completion = Completion(self)

        def once(eventtime):
            self.unregister_timer(timer)
            completion.complete(callback(eventtime))
            return NEVER
        timer = self.register_timer(once, waketime)
        return completion

    def register_async_callback(self, callback, waketime=NOW):
        self._async.put((self.register_callback, (callback, waketime)))
        os.write(self._pipe[1], b".")

    def async_complete(self, completion, result):
        self._async.put((completion.complete, (result,)))
        os.write(self._pipe[1], b".")

    def _run_async(self, eventtime):
        os.read(self._pipe[0], 4096)
        while not self._async.empty():
            call, args = self._async.get_nowait()
            call(*args)

    # Pausing
    def pause(self, waketime):
        if self._no_pause:
            raise ReactorError("pausing is not allowed here")
        if self.current is None:
            delay = waketime - self.monotonic()
            if delay > 0:
                time.sleep(delay)
        else:
            self.current.pause(waketime)
        return self.monotonic()

    @contextlib.contextmanager
    def assert_no_pause(self):
        self._no_pause += 1
        try:
            yield
        finally:
            self._no_pause -= 1

    def mutex(self, is_locked=False):
        return Mutex(self, is_locked)

    def completion(self):
        return Completion(self)

    # Descriptors
    def register_fd(self, fd, read_callback, write_callback=None):
        handler = FdHandler(fd, read_callback, write_callback)
        self._fds[fd] = handler
        self._poll.register(fd, select.POLLIN | select.POLLHUP)
        return handler

    def unregister_fd(self, handler):
        self._poll.unregister(handler.fd)
        del self._fds[handler.fd]

    def set_fd_wake(self, handler, is_readable=True, is_writeable=False):
        flags = select.POLLHUP
        if is_readable:
            flags |= select.POLLIN
        if is_writeable:
            flags |= select.POLLOUT
        self._poll.modify(handler.fd, flags)

    # The dispatcher
    def run(self):
        self._running = True
        self._no_pause = 0
        while self._running:
            self._dispatch()

    def end(self):
        self._running = False

    def finalize(self):
        for fiber in self.paused + self._idle:
            fiber.killed = True
            try:
                fiber.resume()
            except Exception:
                logging.exception("a callback did not end well")
        self.paused, self._idle = [], []
        for fd in self._pipe:
            os.close(fd)

    def _dispatch(self):
        for fd, event in self._poll.poll(self._timeout()):
            handler = self._fds.get(fd)
            if handler is not None and event & (select.POLLIN | select.POLLHUP):
                self._run(handler.on_read, self.monotonic())
            if (fd in self._fds and self._fds[fd] is handler
                    and event & select.POLLOUT):
                self._run(handler.on_write, self.monotonic())
        now = self.monotonic()
        for fiber in [f for f in self.paused if f.waketime <= now]:
            self.paused.remove(fiber)
            self._continue(fiber)
        for timer in self._timers:
            if self._running and timer.waketime <= now and timer.registered:
                self._run(self._fire, timer)

    def _timeout(self):
        wake = min([t.waketime for t in self._timers]
                   + [f.waketime for f in self.paused] + [NEVER])
        delay = min(max(wake - self.monotonic(), 0.0), 1.0)
        return int(math.ceil(delay * 1000.0))

    def _fire(self, timer):
        timer.waketime = NEVER
        timer.running = True
        try:
            waketime = timer.callback(self.monotonic())
        finally:
            timer.running = False
        if timer.registered:
            timer.waketime = waketime

    def _run(self, callback, argument):
        fiber = self._idle.pop() if self._idle else Fiber(self)
        fiber.job = lambda: callback(argument)
        self._continue(fiber)

    def _continue(self, fiber):
        try:
            fiber.resume()
        finally:
            if fiber.job is None:
                self._idle.append(fiber)
