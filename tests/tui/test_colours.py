"""Colours repeat what words say, with a contrast that tired eyes can read; computed from what is drawn."""

from typing import get_args, get_type_hints

import msgspec
import pytest
from rich.color import Color
from textual.strip import Strip

from modctl.chart.grammar import Code, Finding
from modctl.chart.verify import ChartVerdict, Judgement, Progress
from modctl.config import SiteTable
from modctl.ipc.messages import SessionView
from tests.tui.fakes import asked, second_session, session
from tests.tui.stage import Stage, drawn, perform
from tests.tui.test_audit import VERDICT, MadeUp, Reader, on
from tests.tui.test_snapshots import ALARM, SCENES, URGENT
from tui.theme import BLACK, THEMES, after

MIN_CONTRAST = 7.0  # WCAG 2.2, success criterion 1.4.6


class Forged(MadeUp):
    """A made-up chart that fails: its verdict uses the looks of an alarm and of a warning."""

    def verify(self, progress: Progress) -> ChartVerdict:
        """Broken, with a finding."""
        progress(7, 7)
        finding = Finding(Code.FILE, 3, "Entry 3 is not what was signed.")
        return msgspec.structs.replace(VERDICT, verdict=Judgement.BROKEN, findings=(finding,))


def luminance(color: Color) -> float:
    """Relative luminance (WCAG 2.2, definition)."""
    channels = [part / 255 for part in color.get_truecolor()]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Color, other: Color) -> float:
    """Contrast ratio of two colours (WCAG 2.2, definition)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def pairs(strips: list[Strip]) -> dict[tuple[str, str], float]:
    """The contrast of every pair of colours in which something is written."""
    found: dict[tuple[str, str], float] = {}
    for strip in strips:
        for segment in strip:
            style = segment.style
            if segment.text.strip() and style is not None and style.color is not None and style.bgcolor is not None:
                found[style.color.name, style.bgcolor.name] = contrast(style.color, style.bgcolor)
    return found


@pytest.mark.parametrize(
    "keys",
    [(), ("question_mark",), ("n",), ("n", "4", "a"), ("n", "1")],
    ids=["large", "map", "units", "fault", "next"],
)
def test_everything_that_is_written_can_be_read(keys: tuple[str, ...]) -> None:
    """No pair of colours on any screen has a contrast below 7:1."""

    async def act(stage: Stage) -> None:
        await stage.see(second_session(alarms=(URGENT, ALARM), goal_level=1_100))
        await stage.press(*keys)
        found = pairs(stage.strips())
        for scene in SCENES.values() if not keys else ():
            await stage.bring(*scene)
            found |= pairs(stage.strips())

        assert len(found) >= 4
        assert {} == {pair: ratio for pair, ratio in found.items() if ratio < MIN_CONTRAST}

    perform(act)


@pytest.mark.parametrize("theme", [theme.name for theme in THEMES])
def test_every_set_of_colours_can_be_read(theme: str) -> None:
    """On black, on white and the starkest: what runs, alarms, a question, the map and the list, all at 7:1 or more."""

    async def act(stage: Stage) -> None:
        stage.app.theme = theme
        found: dict[tuple[str, str], float] = {}
        for views in (
            (second_session(alarms=(URGENT, ALARM), goal_level=1_100),),
            (session(output="suspended", contact="lost"), session(session="S-9", output="unknown")),
            (asked("confirm"),),
        ):
            await stage.bring(*views)
            for keys in ((), ("colon",), ("backspace", "question_mark"), ("backspace",)):
                await stage.press(*keys)
                found |= pairs(stage.strips())

        assert len(found) >= 4
        assert {} == {pair: ratio for pair, ratio in found.items() if ratio < MIN_CONTRAST}

    perform(act)


def test_a_key_brings_the_next_colours_and_the_site_names_the_first() -> None:
    """Around the corner; what the site may name is what there is."""
    allowed = get_args(get_type_hints(SiteTable)["colours"])
    seen: list[str] = []

    async def act(stage: Stage) -> None:
        await stage.see(session())
        for _ in THEMES:
            seen.append(stage.app.theme)
            await stage.press("f2")
        seen.append(stage.app.theme)

        assert not stage.stops()

    perform(act)

    assert [*allowed, allowed[0]] == seen
    assert "night" == after("no such colours")


@pytest.mark.parametrize(
    "view",
    [session(), session(age_ms=None), session(output="off", phase="paused")],
    ids=["energized", "no data", "off"],
)
def test_the_large_numbers_are_light_on_the_screen_s_own_black(view: SessionView) -> None:
    """Glyphs are made of filled cells: black ones on a ground of their own melt into the black beside them."""

    async def act(stage: Stage) -> None:
        await stage.bring(view)
        filled = [segment for strip in stage.strips() for segment in strip if "█" in segment.text]
        colours = {segment.style.color for segment in filled if segment.style is not None and segment.style.color}

        assert len(filled) >= 5
        assert [] == [color.name for color in colours if contrast(color, Color.parse(BLACK)) < MIN_CONTRAST]

    perform(act)


@pytest.mark.parametrize(
    "keys",
    [(), ("down", "enter"), ("t",), ("v",), ("slash",), ("slash", "b", "a", "d", "enter")],
    ids=["list", "session", "counts", "verdict", "typing", "no filter"],
)
def test_everything_that_the_auditor_reads_can_be_read(keys: tuple[str, ...]) -> None:
    """The audit has a style sheet of its own; the bound is the same."""

    async def act(reader: Reader) -> None:
        await reader.press(*keys)
        found = pairs(drawn(reader.app))

        assert len(found) >= 3
        assert {} == {pair: ratio for pair, ratio in found.items() if ratio < MIN_CONTRAST}

    on(Forged(), act)


def test_no_two_states_look_alike_without_colour() -> None:
    """Words and shapes alone tell them apart."""
    states = [
        session(),
        session(output="suspended"),
        session(output="off", phase="paused"),
        session(output="unknown"),
        session(age_ms=None),
        asked("confirm"),
    ]
    seen: list[str] = []

    async def act(stage: Stage) -> None:
        for view in states:
            await stage.see(view, second_session())
            seen.append(stage.text().splitlines()[1][33:52])

    perform(act)

    assert len(states) == len(set(seen))
    assert len(states) == len({state.strip()[0] for state in seen})
