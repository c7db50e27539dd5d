"""Bring the browser of the browser tests: Debian's chromium, where we may install it; otherwise say what will not run."""

import os
import shutil
import subprocess
import sys

LOUD = """
┌──────────────────────────────────────────────────────────────────────────────┐
│ No Chromium here: the browser tests (tests/browser) will NOT run.            │
│ Install it with `apt-get install chromium` and run `make test` again.        │
└──────────────────────────────────────────────────────────────────────────────┘
"""


def find() -> str | None:
    """The browser's path."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def main() -> int:
    """0 when there is a browser, or when its absence was said and this is not CI."""
    if find() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
            subprocess.run(
                command, check=False, stdout=subprocess.DEVNULL, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            )
    if find() is not None:
        return 0
    print(LOUD)
    return 1 if os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main())
