"""Private directories, short enough for a socket."""

import hashlib
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path

SOCKET_PATH_LIMIT = 90  # sun_path holds 107 bytes; PostgreSQL appends ".s.PGSQL.5432.lock"


class UnsafeDirectoryError(RuntimeError):
    """A directory that has to be private belongs to somebody else."""


def private_directory(path: Path, *, owner: int) -> Path:
    """`path` as a directory of mode 0700 that belongs to user id `owner`. Raises `UnsafeDirectoryError` if it is another's."""
    path.mkdir(parents=True, exist_ok=True)
    status = path.lstat()
    if path.is_symlink() or status.st_uid not in {owner, os.geteuid()}:
        raise UnsafeDirectoryError(
            f"{path} belongs to another user; remove it or set HANDRAIL_DATA_DIR to another place."
        )
    path.chmod(0o700)
    if status.st_uid != owner:
        os.chown(path, owner, -1)
    return path


def socket_directory(preferred: Path, *, owner: int) -> Path:
    """`preferred` where its path is short enough for a socket, else a private directory named after it under the system's temp."""
    if len(str(preferred)) > SOCKET_PATH_LIMIT:
        name = hashlib.sha256(str(preferred).encode()).hexdigest()[:12]
        preferred = Path(tempfile.gettempdir()) / f"handrail-{owner}-{name}"
    return private_directory(preferred, owner=owner)


def wheel_directory(package: str) -> Path:
    """Where an installed package keeps its files, without importing it."""
    specification = find_spec(package)
    if specification is None or specification.origin is None:
        raise RuntimeError(f"{package} is not installed; run `make up` or install requirements/base.txt.")
    return Path(specification.origin).parent
