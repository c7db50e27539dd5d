"""Reads of the exceptions app."""

from exceptions.selectors.waivers import live_waiver, live_waivers

__all__ = ["live_waiver", "live_waivers"]
