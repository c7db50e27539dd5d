"""Every text and mark is readable on every ground it stands on, light and dark, hovering too (WCAG 2.2 AA)."""

import re
from pathlib import Path

import pytest

CSS = (Path(__file__).resolve().parents[2] / "config" / "static" / "ui" / "app.css").read_text()
TOKEN = re.compile(r"--([a-z0-9-]+):\s*(?:light-dark\((#[0-9a-f]{6}),\s*(#[0-9a-f]{6})\)|(#[0-9a-f]{6}));")
TOKENS = {name: (light or both, dark or both) for name, light, dark, both in TOKEN.findall(CSS)}
TEXT, MARK = 4.5, 3.0
STATUS = ("danger", "warn", "ok", "grant", "accent")
PAIRS = [
    *(
        (ink, ground, TEXT)
        for ink in ("ink", "ink-2", "ink-3")
        for ground in ("canvas", "surface", "surface-2", "mute-soft", "accent-soft")
    ),
    *((name, ground, TEXT) for name in STATUS for ground in (f"{name}-soft", "surface", "surface-2")),
    ("accent", "canvas", TEXT),
    ("warn", "accent-soft", TEXT),
    ("accent-fg", "accent-solid", TEXT),
    ("accent-fg", "accent-hover", TEXT),
    *(
        (line, ground, MARK)
        for line, ground in (
            ("line-strong", "surface"),
            ("line-strong", "surface-2"),
            ("focus", "surface"),
            ("focus", "canvas"),
        )
    ),
    *((f"{name}-mark", "surface", MARK) for name in ("danger", "warn", "ok", "grant")),
]


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(("front", "ground", "needed"), PAIRS)
def test_contrast(front: str, ground: str, needed: float) -> None:
    for theme in (0, 1):
        lighter, darker = sorted((luminance(TOKENS[front][theme]), luminance(TOKENS[ground][theme])), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= needed, ("light", "dark")[theme]
