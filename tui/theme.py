"""The colours. Blue and orange on black: told apart by people who cannot tell red from green.

Colour repeats what word and shape have said. Every pair that a screen draws has a contrast of at least 7:1
(WCAG 2.2, 1.4.6); a test computes it from what is drawn.
"""

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

THEME: Final = Theme(
    name="modctl",
    primary=BLUE,
    secondary=ORANGE,
    warning=ORANGE,
    error=ORANGE,
    success=BLUE,
    accent=ORANGE,
    foreground=WHITE,
    background=BLACK,
    surface=BLACK,
    panel=BLACK,
    boost=BLACK,
    dark=True,
    variables={
        "table-energized": ORANGE,
        "table-off": BLUE,
        "table-quiet": GREY,
        "table-stop": NIGHT,
        "table-high": RED,
        "table-medium": YELLOW,
        "table-low": CYAN,
    },
)
