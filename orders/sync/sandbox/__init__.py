"""Other systems for demos and tests, from the warehouse to the content system: they speak real, signed HTTP and fail on demand."""

from orders.sync.sandbox.behaviour import MODES, Control
from orders.sync.sandbox.secrets import sandbox_secret
from orders.sync.sandbox.server import Sandbox

__all__ = ["MODES", "Control", "Sandbox", "sandbox_secret"]
