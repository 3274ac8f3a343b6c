"""Draws the screens that README and ``tui/captures`` show: ``make captures``. Never copied by hand, so never untrue.

Every capture is drawn by the app itself, at 80x24, from the made-up clinic of the other tests.
"""

import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec
from textual.app import App

from modctl.reports.pages import Page, Section
from tests.tui.fakes import asked, second_session, session
from tests.tui.stage import Stage, drawn, perform
from tests.tui.test_audit import MadeUp, Reader, on
from tests.tui.test_snapshots import ALARM, URGENT

ROOT: Final = Path(__file__).parent.parent.parent
FOLDER: Final = ROOT / "tui" / "captures"
README: Final = ROOT / "README.md"
BLOCK: Final = re.compile(r"(<!-- capture: (\w+) -->\n```text\n)(.*?)(```\n<!-- end capture -->)", re.DOTALL)
FONT_FACE: Final = re.compile(r"@font-face\s*\{.*?\}", re.DOTALL)
SEEN_S: Final = 14  # chosen: long enough for a trace with a slope in it
PICTURES: Final = (
    "running",
    "confirm",
    "alarm",
    "session",
)  # chosen: where colour or shape adds something; the rest is words


class Capture(msgspec.Struct, frozen=True):
    """One screen: its characters, and a picture that fetches nothing."""

    text: str
    svg: str


def main() -> int:
    """Write every capture, and what README shows of them."""
    FOLDER.mkdir(exist_ok=True)
    for name, draw in CAPTURES.items():
        capture = draw()
        (FOLDER / f"{name}.txt").write_text(capture.text, encoding="utf-8")
        if name in PICTURES:
            (FOLDER / f"{name}.svg").write_text(capture.svg, encoding="utf-8")
        sys.stdout.write(f"{name}\n")
    README.write_text(with_captures(README.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


def with_captures(page: str) -> str:
    """The page with every marked block as it stands in ``tui/captures``."""
    return BLOCK.sub(lambda found: found[1] + (FOLDER / f"{found[2]}.txt").read_text("utf-8") + found[4], page)


def captured(app: App[None], title: str) -> Capture:
    """What the app shows now."""
    text = "\n".join(strip.text.rstrip() for strip in drawn(app)) + "\n"
    return Capture(text, without_addresses(app.export_screenshot(title=title)))


def without_addresses(svg: str) -> str:
    """The library's picture without the fonts that it would fetch; the reader's own fixed-width font serves."""
    plain = FONT_FACE.sub("", svg).replace("Fira Code, monospace", "monospace")
    plain = re.sub(r"<!--.*?-->", "", plain)
    return "\n".join(line.strip() for line in plain.splitlines() if line.strip()) + "\n"


def at_the_table(act: Callable[[Stage], Awaitable[None]]) -> Callable[[], Capture]:
    """A capture of what the table shows after this act."""

    def draw() -> Capture:
        found: list[Capture] = []

        async def acted(stage: Stage) -> None:
            await act(stage)
            await stage.wait(0)  # what has got another size is drawn at the next tick
            found.append(captured(stage.app, "modctl table"))

        perform(acted)
        return found[0]

    return draw


def at_the_audit(*keys: str) -> Callable[[], Capture]:
    """A capture of what the auditor sees after these keys."""

    def draw() -> Capture:
        found: list[Capture] = []

        async def acted(reader: Reader) -> None:
            await reader.press(*keys)
            found.append(captured(reader.app, "modctl audit"))

        on(Shown(), acted)
        return found[0]

    return draw


async def _units(stage: Stage) -> None:
    await stage.see()


async def _running(stage: Stage) -> None:
    """The level rises by one step a second. Each snapshot comes just before its second, so no tick can precede it."""
    for second in range(SEEN_S + 1):
        level = min(1_000, second * 100)
        view = second_session(
            set_level=level, goal_level=level, commanded=level, measured=level,
            planned_ms=300_000, delivered_ms=second * 1_000,
        )  # fmt: skip
        stage.clock.advance_ms(900)
        await stage.see(view)
        await stage.wait(100)


async def _question(stage: Stage) -> None:
    await stage.bring(asked("identify"))


async def _confirm(stage: Stage) -> None:
    await stage.bring(asked("confirm"))


async def _alarm(stage: Stage) -> None:
    fallen = session(phase="paused", output="off", commanded=None, reason="contact_lost", alarms=(ALARM,))
    await stage.see(fallen, second_session())


async def _unknown(stage: Stage) -> None:
    unsure = session(phase="unconfirmed", output="unknown", outcome="unconfirmed", alarms=(URGENT,))
    await stage.see(unsure, second_session())


async def _after(stage: Stage) -> None:
    await stage.bring(asked("skin_after", after=True, delivered_ms=900_000, set_level=12_500))


class Shown(MadeUp):
    """The made-up chart of the auditor's tests, with a page that has more to show."""

    def page(self, session: str) -> Page:
        """Ultrasound, raised in steps, without contact for a while."""
        raised = [*range(0, 1_000, 50), *[1_000] * 48]
        lifted = range(40, 46)
        return Page(
            title=f"{session} on ultrasound-1",
            state="COMPLETED: the planned time is over. Off confirmed after 120 ms.",
            says="Intensity over 5:00, up to 1.0 W/cm²; without contact for 0:26.",
            commanded=tuple(0 if at in lifted else level for at, level in enumerate(raised)),
            reported=tuple(None if at in lifted else level for at, level in enumerate(raised)),
            top_text="1.0 W/cm²",
            sections=(Section(heading="Answers", rows=(("pain before", "4 (anna)"), ("pain after", "2 (anna)"))),),
        )


CAPTURES: Final[Mapping[str, Callable[[], Capture]]] = {
    "units": at_the_table(_units),
    "running": at_the_table(_running),
    "question": at_the_table(_question),
    "confirm": at_the_table(_confirm),
    "alarm": at_the_table(_alarm),
    "unknown": at_the_table(_unknown),
    "after": at_the_table(_after),
    "audit": at_the_audit("down"),
    "session": at_the_audit("down", "enter"),
    "verdict": at_the_audit("v"),
}


if __name__ == "__main__":
    sys.exit(main())
