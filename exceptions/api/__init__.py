"""Exceptions and time-limited exceptions for programs."""
