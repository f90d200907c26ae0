# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to the printer agent: newline-delimited JSON over its Unix socket."""
from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, Dict, Optional

from .log import MARKETPLACE
from .problem import Problem, agent_problem, problem_from_agent

LINE_LIMIT = 64 * 1024
LARGE_LINE_LIMIT = 64 * 1024 * 1024
CONNECT_TIMEOUT = 2.0
CONFIGURE_TIMEOUT = 5.0
RETRY_FIRST, RETRY_LAST = 1.0, 15.0


class AgentLink:
    """One connection, made again whenever it is lost. Every new one begins with `configure`."""

    def __init__(self, path: str, configure: Dict[str, Any]) -> None:
        self._path = path
        self._configure = configure
        self._connection: Optional[_Connection] = None
        self._connecting = asyncio.Lock()
        self._keeper: Optional[asyncio.Task] = None
        self._told_down = False

    def start(self) -> None:
        self._keeper = asyncio.get_running_loop().create_task(self._keep())

    async def close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        if self._connection is not None:
            self._connection.drop()

    async def call(self, method: str, params: Dict[str, Any], timeout: float, large: bool = False) -> Any:
        """The agent's result for `method`; `timeout` is in seconds. Raises `Problem`."""
        connection = await self._connected()
        return await connection.call(method, params, timeout, LARGE_LINE_LIMIT if large else LINE_LIMIT)

    async def _keep(self) -> None:
        pause = RETRY_FIRST
        while True:
            try:
                connection = await self._connected()
            except Problem:
                await asyncio.sleep(pause)
                pause = min(pause * 2, RETRY_LAST)
                continue
            pause = RETRY_FIRST
            await connection.ended.wait()
            # An agent that hangs up on every greeting must not be called in a tight loop.
            await asyncio.sleep(RETRY_FIRST)

    async def _connected(self) -> "_Connection":
        async with self._connecting:
            if self._connection is not None and not self._connection.ended.is_set():
                return self._connection
            try:
                reader, writer = await asyncio.wait_for(
                    asyncio.open_unix_connection(self._path, limit=LINE_LIMIT), CONNECT_TIMEOUT,
                )
            except (OSError, asyncio.TimeoutError) as error:
                if not self._told_down:
                    self._told_down = True
                    MARKETPLACE.warning("agent at %s not reachable: %s", self._path, error or "timed out")
                raise agent_problem("agent_unreachable") from None
            self._connection = _Connection(reader, writer)
            MARKETPLACE.info("connected to the agent at %s", self._path)
            self._told_down = False
            try:
                await self._connection.call("configure", self._configure, CONFIGURE_TIMEOUT, LINE_LIMIT)
            except Problem as problem:
                MARKETPLACE.warning("the agent did not take the settings: %s: %s", problem.code, problem.message())
                if self._connection.ended.is_set():
                    raise
            return self._connection


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.ended = asyncio.Event()
        self._reader = reader
        self._writer = writer
        self._last_id = 0
        self._waiting: Dict[int, asyncio.Future] = {}
        self._writing = asyncio.Lock()
        self._task = asyncio.get_running_loop().create_task(self._read())

    async def call(self, method: str, params: Dict[str, Any], timeout: float, limit: int) -> Any:
        self._last_id += 1
        request_id = self._last_id
        line = json.dumps({"id": request_id, "method": method, "params": params}, separators=(",", ":")).encode() + b"\n"
        if len(line) > limit:
            raise Problem(
                413, "too_large", "The request is too large",
                f"The agent takes at most {limit} bytes for this.", "Let the printer fetch the job from the store instead.",
            )
        answer = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = answer
        try:
            return await asyncio.wait_for(self._exchange(line, answer), timeout)
        except asyncio.TimeoutError:
            if self._writer.transport.get_write_buffer_size():
                self.drop("agent_timeout")
            raise agent_problem("agent_timeout") from None
        except (OSError, RuntimeError):
            self.drop()
            raise agent_problem("agent_unreachable") from None
        finally:
            self._waiting.pop(request_id, None)

    def drop(self, code: str = "agent_unreachable") -> None:
        if self.ended.is_set():
            return
        self.ended.set()
        self._task.cancel()
        self._writer.close()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(agent_problem(code))

    async def _exchange(self, line: bytes, answer: asyncio.Future) -> Any:
        if self.ended.is_set():
            raise agent_problem("agent_unreachable")
        async with self._writing:
            self._writer.write(line)
            await self._writer.drain()
        return await answer

    async def _read(self) -> None:
        code = "agent_unreachable"
        try:
            while True:
                line = await self._reader.readline()
                if not line.endswith(b"\n"):
                    break
                self._deliver(json.loads(line))
        except (OSError, asyncio.IncompleteReadError):
            pass
        except (ValueError, RecursionError):
            # Not JSON, or longer than the limit: what follows cannot be trusted to be in step.
            code = "agent_protocol"
            MARKETPLACE.warning("the agent sent a line that cannot be read; the connection is made anew")
        self.drop(code)

    def _deliver(self, answer: Any) -> None:
        if not isinstance(answer, dict) or not isinstance(answer.get("id"), int):
            raise ValueError("an answer without an id")
        waiting = self._waiting.get(answer["id"])
        if waiting is None or waiting.done():
            return
        if "error" in answer:
            waiting.set_exception(problem_from_agent(answer["error"]))
        elif "result" in answer:
            waiting.set_result(answer["result"])
        else:
            waiting.set_exception(agent_problem("agent_protocol"))
