"""Reads of orders, each within what the actor may see."""
