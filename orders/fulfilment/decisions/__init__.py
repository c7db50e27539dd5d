"""Decisions about orders: pure functions, no database, no clock."""
