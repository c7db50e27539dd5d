"""Bring the browser of the browser tests: Debian's chromium, where we may install it; otherwise say what will not run."""

import os
import shutil
import subprocess
import sys
from contextlib import suppress

LOUD = """
┌──────────────────────────────────────────────────────────────────────────────┐
│ No Chromium here: the browser tests (tests/browser) will NOT run.            │
│ Install it with `apt-get install chromium` and run `make test` again.        │
└──────────────────────────────────────────────────────────────────────────────┘
"""


# Without a window to draw for, the tests of the browser take little more than half of the processor's time.
LIGHT, FULL = "chromium-headless-shell", "chromium"
APT_OPTIONS = ("-qq", "-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=10", "-o", "Acquire::https::Timeout=10")
APT_SECONDS = 180


def find() -> str | None:
    """The browser's path."""
    return shutil.which(LIGHT) or shutil.which(FULL) or shutil.which("chromium-browser")


def main() -> int:
    """0 when there is a browser, or when its absence was said and this is not CI."""
    if shutil.which(LIGHT) is None and os.geteuid() == 0 and shutil.which("apt-get"):
        _apt_get("update")
        for package in (LIGHT, FULL):
            if find() is None or package == LIGHT:
                _apt_get("install", "-y", package)
    if find() is not None:
        return 0
    print(LOUD)
    return 1 if os.environ.get("CI") else 0


def _apt_get(*command: str) -> None:
    """Where it cannot, the tests run with what is there."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(
            ["apt-get", *APT_OPTIONS, *command],
            check=False,
            stdout=subprocess.DEVNULL,
            env=environment,
            timeout=APT_SECONDS,
        )


if __name__ == "__main__":
    sys.exit(main())
