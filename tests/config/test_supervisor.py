"""Processes under one parent: prefixed, restarted, ended in order."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from config.embedded.supervisor import Program, Supervisor


def program(name: str, code: str, **kwargs: object) -> Program:
    return Program(name, [sys.executable, "-u", "-c", code], **kwargs)  # type: ignore[arg-type]


async def until(path: Path, lines: int) -> list[str]:
    for _ in range(400):
        written = path.read_text().splitlines() if path.exists() else []
        if len(written) >= lines:
            return written
        await asyncio.sleep(0.02)
    raise AssertionError(f"{path} has not got {lines} lines")


def test_a_child_that_dies_is_restarted_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "starts"
    code = f"import os, time; open({str(log)!r}, 'a').write(f'{{os.getpid()}}\\n'); print('hello'); time.sleep(60)"

    async def scenario() -> None:
        supervisor = Supervisor()
        supervisor.start(program("child", code))
        (first,) = await until(log, 1)
        os.kill(int(first), signal.SIGKILL)
        await until(log, 2)
        await supervisor.shut_down()

    asyncio.run(scenario())
    said = capsys.readouterr().out
    assert "child    │ hello" in said
    assert "ended by signal SIGKILL" in said


def test_programs_end_in_the_reverse_order_of_their_start(tmp_path: Path) -> None:
    log, ready = tmp_path / "ends", tmp_path / "ready"
    code = """
import signal, sys, time
def end(*_):
    open({log!r}, "a").write({name!r} + "\\n"); sys.exit(0)
signal.signal(signal.SIGTERM, end)
open({ready!r}, "a").write("up\\n")
while True: time.sleep(0.05)
"""

    async def scenario() -> None:
        supervisor = Supervisor()
        for name in ("database", "web"):
            supervisor.start(program(name, code.format(log=str(log), ready=str(ready), name=name)))
        await until(ready, 2)
        await supervisor.shut_down()

    asyncio.run(scenario())
    assert log.read_text().splitlines() == ["web", "database"]


def test_a_child_that_will_not_end_is_killed_after_its_patience(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ready = tmp_path / "ready"
    code = f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({str(ready)!r}, 'w').write('up\\n'); time.sleep(60)"

    async def scenario() -> None:
        supervisor = Supervisor()
        supervisor.start(program("stubborn", code, patience=0.2))
        await until(ready, 1)
        await supervisor.shut_down()

    asyncio.run(scenario())
    assert "did not end within 0 s, killed" in capsys.readouterr().out


def test_a_step_reports_its_status() -> None:
    assert asyncio.run(Supervisor().run_once(program("step", "raise SystemExit(3)"))) == 3


def test_what_a_killed_child_left_behind_does_not_work_beside_its_successor(tmp_path: Path) -> None:
    starts, grandchildren = tmp_path / "starts", tmp_path / "grandchildren"
    code = f"""
import os, time
if os.fork() == 0:
    open({str(grandchildren)!r}, "a").write(f"{{os.getpid()}}\\n"); time.sleep(60); os._exit(0)
open({str(starts)!r}, "a").write(f"{{os.getpid()}}\\n"); time.sleep(60)
"""

    async def scenario() -> str:
        supervisor = Supervisor()
        supervisor.start(program("pool", code))
        (first,) = await until(starts, 1)
        (orphan,) = await until(grandchildren, 1)
        os.kill(int(first), signal.SIGKILL)
        await until(starts, 2)
        await supervisor.shut_down()
        return orphan

    orphan = asyncio.run(scenario())
    state = Path(f"/proc/{orphan}/stat")
    assert not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z"
