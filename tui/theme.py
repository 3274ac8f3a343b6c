"""The colours. Blue and orange: told apart by people who cannot tell red from green; on black, on white, and starker.

Colour repeats what word and shape have said. Every pair that a screen draws has a contrast of at least 7:1
(WCAG 2.2, 1.4.6); a test computes it from what is drawn.
"""

from collections.abc import Mapping
from typing import Final

from textual.theme import Theme

BLACK: Final = "#000000"
WHITE: Final = "#ffffff"
GREY: Final = "#b8b8b8"
ORANGE: Final = "#ffb000"
BLUE: Final = "#8cc8ff"
NIGHT: Final = "#003a75"
# The colours of urgency (IEC 60601-1-8: red, yellow, cyan), light enough for 7:1 on black and told apart by lightness.
RED: Final = "#ff8080"
YELLOW: Final = "#ffee58"
CYAN: Final = "#4dd0e1"


def _theme(name: str, ground: str, text: str, looks: Mapping[str, str], *, dark: bool) -> Theme:
    """A set of colours for the looks of ``app.tcss``; ``looks`` names what is not ground or text."""
    return Theme(
        name=name,
        primary=looks["off"],
        secondary=looks["energized"],
        warning=looks["energized"],
        error=looks["energized"],
        success=looks["off"],
        accent=looks["energized"],
        foreground=text,
        background=ground,
        surface=ground,
        panel=ground,
        boost=ground,
        dark=dark,
        variables={f"table-{look}": colour for look, colour in looks.items()},
    )


THEME: Final = _theme(
    "night",
    BLACK,
    WHITE,
    {
        "energized": ORANGE,
        "off": BLUE,
        "quiet": GREY,
        "stop": NIGHT,
        "high": RED,
        "medium": YELLOW,
        "low": CYAN,
    },
    dark=True,
)
# For eyes that see little: two colours and yellow, every pair far above what is asked.
CONTRAST: Final = _theme(
    "contrast",
    BLACK,
    WHITE,
    {
        "energized": "#ffff00",
        "off": WHITE,
        "quiet": WHITE,
        "stop": "#00003c",
        "high": "#ffff00",
        "medium": "#ffff00",
        "low": WHITE,
    },
    dark=True,
)
# For bright rooms; dark orange and dark blue, told apart as on black.
LIGHT: Final = _theme(
    "light",
    WHITE,
    BLACK,
    {
        "energized": "#8a3500",
        "off": "#00418f",
        "quiet": "#4a4a4a",
        "stop": "#cfe3ff",
        "high": "#8b0000",
        "medium": "#5c4a00",
        "low": "#004d56",
    },
    dark=False,
)
THEMES: Final = (THEME, CONTRAST, LIGHT)


def after(name: str) -> str:
    """The set of colours that comes after this one, around the corner."""
    names = [theme.name for theme in THEMES]
    return names[(names.index(name) + 1) % len(names)] if name in names else THEME.name
