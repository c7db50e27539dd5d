"""Under which account the database server runs: PostgreSQL refuses to be root."""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ACCOUNT = "handrail-db"


class AccountError(RuntimeError):
    """No account to run the database server under."""


@dataclass(frozen=True)
class Account:
    """A user id, and the command prefix that becomes it (empty when we already are)."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()

    def command(self, argv: Sequence[str]) -> list[str]:
        """`argv` as this account."""
        return [*self.prefix, *argv]


def server_account(*needed: Path) -> Account:
    """Ourselves; or, when we are root, a system account made for it that can reach the `needed` paths.

    Where a directory above is closed to others (a checkout under /root, say) the account keeps one capability, to read through
    directories, and nothing else of root's. Raises `AccountError` with what to do when none can be made.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    try:
        entry = pwd.getpwnam(ACCOUNT)
    except KeyError:
        entry = _create_account()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise AccountError(
            "As root the embedded database needs `setpriv` (util-linux); run as an ordinary user instead."
        )
    prefix = [setpriv, f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups", "--no-new-privs"]
    if not all(_open_to_others(path) for path in needed):
        prefix += ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    else:
        prefix += ["--inh-caps=-all", "--ambient-caps=-all"]
    return Account(entry.pw_uid, entry.pw_gid, (*prefix, "--"))


def _create_account() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 -- a fixed command
    except (OSError, subprocess.CalledProcessError) as refused:
        raise AccountError(
            f"PostgreSQL refuses to run as root and the account {ACCOUNT} could not be made ({refused}). "
            "Run as an ordinary user, or set DATABASE_URL to a server of your own."
        ) from refused
    return pwd.getpwnam(ACCOUNT)


def _open_to_others(path: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)
