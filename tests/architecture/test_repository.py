"""What lies in the repository beside the source, and what the tests say of themselves."""

import re
from pathlib import Path

import pytest

from tests import shared, unseen

ROOT = Path(__file__).resolve().parents[2]
MARKER = r"[a-z_]+ [<>=!]=? '[A-Za-z0-9._]+'"
LOCKED = re.compile(
    rf"[A-Za-z0-9._-]+(\[[a-z0-9,_-]+\])?==[A-Za-z0-9.+!-]+( ; {MARKER}( (and|or) {MARKER})*)? \\"
    r"|    --hash=sha256:[0-9a-f]{64}( \\)?"
)


@pytest.mark.parametrize("name", ["tools", "base", "dev"])
def test_lock_files_name_versions_and_hashes_and_no_host(name: str) -> None:
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    assert lines
    assert [line for line in lines if not LOCKED.fullmatch(line)] == []


def test_what_did_not_run_is_said_at_the_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shared, "DATA", tmp_path / "nowhere")
    with pytest.raises(pytest.skip.Exception) as skipped:
        shared.shared_data("payloads")
    where = ("tests/x.py", 1, f"Skipped: {skipped.value.msg}")
    told = [
        pytest.TestReport("x", ("x.py", 1, "x"), {}, "skipped", longrepr, "call")
        for longrepr in (where, where, ("y.py", 2, "Skipped: gettext is not installed: nothing can be collected"))
    ]
    said = "\n".join(unseen.summary(told))
    assert "2 tests did NOT run: needs payloads of the shared test data (HANDRAIL_TEST_DATA)" in said
    assert "1 test did NOT run: gettext is not installed" in said
    assert unseen.summary([]) == []
