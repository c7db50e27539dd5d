"""Where the embedded services are, for settings and for processes that have to be told."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Final

from django.core.exceptions import ImproperlyConfigured

from config import env
from config.embedded.postgres import PostgresCluster
from config.embedded.redis import RedisServer

PLACES: Final = "places.json"


def keep_places(data_dir: Path, **places: str) -> None:
    """Remember where `up` listens, for whoever gives a command in another terminal."""
    (data_dir / PLACES).write_text(json.dumps(places))


def place(data_dir: Path, name: str, default: str) -> str:
    """Where `up` listened when it last ran from here; the default where it never did."""
    with suppress(OSError, ValueError):
        return str(json.loads((data_dir / PLACES).read_text()).get(name, default))
    return default


def default_data_dir() -> Path:
    """`HANDRAIL_DATA_DIR`, or `var` beside the code."""
    found = Path(env.text("HANDRAIL_DATA_DIR") or Path(__file__).resolve().parents[2] / "var")
    if found.exists() and not found.is_dir():
        raise ImproperlyConfigured(f"HANDRAIL_DATA_DIR is {found}, which is no directory.")
    return found


def database_url(data_dir: Path) -> str:
    """The embedded database as the application's role; a neutral address where none was ever started."""
    cluster = PostgresCluster(data_dir)
    return cluster.url("app") if cluster.exists() else "postgresql:///handrail"


def broker_url(data_dir: Path) -> str:
    """The embedded broker; an in-memory one where none was ever started (commands run without waking anyone)."""
    server = RedisServer(data_dir)
    return server.url if server.exists() else "memory://"


def presence_url(*addresses: str) -> str:
    """The first of these that is a Redis, as its client spells it; "" where there is none."""
    for address in addresses:
        if address.startswith("redis+socket://"):
            return address.replace("redis+socket://", "unix://", 1)
        if address.startswith(("redis://", "rediss://", "unix://")):
            return address
    return ""
