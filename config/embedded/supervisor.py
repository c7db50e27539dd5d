"""One parent for all processes: prefixed output, a dead child is restarted and said, an orderly end.

Ready-made supervisors either restart (supervisor) or show everything in one prefixed stream (honcho); operators of a demo need both.
"""

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

LONGEST_PAUSE = 30.0
STABLE_AFTER = 60.0
PR_SET_PDEATHSIG = 1
COLOURS = (36, 33, 32, 35, 34, 31)


@dataclass(frozen=True)
class Program:
    """A process to keep alive; `prepare` runs before each start, `stop_signal` asks it to end, `patience` is how long it may take."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[], None] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 20.0


class Supervisor:
    """Runs programs until told to stop; stops them in the reverse order of their start."""

    def __init__(self) -> None:
        self._running: list[tuple[Program, asyncio.Task[None]]] = []
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._stopping = asyncio.Event()

    def start(self, program: Program) -> None:
        """Keep `program` alive from now on."""
        colour = COLOURS[len(self._running) % len(COLOURS)]
        self._running.append((program, asyncio.create_task(self._keep_alive(program, colour))))

    async def run_once(self, program: Program) -> int:
        """Run `program` to its end with its output shown; its exit status."""
        process = await self._spawn(program)
        await self._relay(program.name, process, 37)
        return await process.wait()

    async def wait(self) -> None:
        """Until somebody calls `stop`."""
        await self._stopping.wait()

    def stop(self) -> None:
        """Ask for the end; safe to call from a signal handler of the loop."""
        self._stopping.set()

    async def shut_down(self) -> None:
        """End every program, the last started first, each with its own patience."""
        self._stopping.set()
        for program, task in reversed(self._running):
            await self._end(program, task)

    async def _end(self, program: Program, task: asyncio.Task[None]) -> None:
        asked: asyncio.subprocess.Process | None = None
        while not task.done():
            process = self._processes.get(program.name)
            if process is not None and process is not asked and process.returncode is None:
                asked = process  # one that was just being restarted comes by as the next
                _signal_group(process, program.stop_signal)
                try:
                    await asyncio.wait_for(_end_of(process), program.patience)
                except TimeoutError:
                    say(program.name, f"did not end within {program.patience:.0f} s, killed")
                    _signal_group(process, signal.SIGKILL)
            await asyncio.wait({task}, timeout=0.1)
        await task

    async def _keep_alive(self, program: Program, colour: int) -> None:
        pause = 0.5
        while not self._stopping.is_set():
            started = time.monotonic()
            process = await self._spawn(program)
            self._processes[program.name] = process
            output = asyncio.create_task(self._relay(program.name, process, colour))
            status = await _end_of(process)
            _signal_group(process, signal.SIGKILL)  # nothing left behind may work beside the successor
            await output
            if self._stopping.is_set():
                return
            lived = time.monotonic() - started
            pause = 0.5 if lived > STABLE_AFTER else min(pause * 2, LONGEST_PAUSE)
            say(program.name, f"ended {_how(status)} after {lived:.0f} s, starting again in {pause:.0f} s")
            await self._sleep(pause)

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _spawn(self, program: Program) -> asyncio.subprocess.Process:
        if program.prepare is not None:
            await asyncio.to_thread(program.prepare)
        return await asyncio.create_subprocess_exec(
            *program.argv,
            env={**os.environ, **program.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches us alone, so that the order of the end is ours
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )

    @staticmethod
    async def _relay(name: str, process: asyncio.subprocess.Process, colour: int) -> None:
        stream = process.stdout
        while stream is not None and (line := await _line(stream)):
            say(name, line.decode(errors="replace").rstrip(), colour=colour)


def _end_with_parent() -> None:
    """Ask the kernel for SIGTERM when the supervisor is gone, even by a hard kill: no orphan keeps the port or the queue."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


async def _end_of(process: asyncio.subprocess.Process) -> int:
    """Its exit status. `process.wait()` would also wait for the output, which a left-behind child may hold open for ever."""
    while process.returncode is None:  # noqa: ASYNC110 -- asyncio tells of the end in no other way
        await asyncio.sleep(0.1)
    return process.returncode


async def _line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readline()
    except ValueError:  # a line beyond the reader's limit: the rest of it follows as the next
        return await stream.read(65_536)


def say(name: str, text: str, *, colour: int = 37) -> None:
    """One prefixed line on standard output, coloured only on a terminal that wants it."""
    prefix = f"{name:<9}│ "
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
    print(f"{prefix}{text}", flush=True)  # noqa: T201 -- the supervisor's output is its purpose


def _signal_group(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    try:
        if number is signal.SIGKILL:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
    except ProcessLookupError:
        return


def _how(status: int) -> str:
    return f"by signal {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
