"""The auditor's screen on made-up charts: what is typed, what is read, and what a hundred thousand rows cost."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot

from modctl.chart.reader import SessionRow
from modctl.chart.verify import ChartVerdict, Judgement
from modctl.errors import RefusedError
from modctl.reports.pages import Page, Section
from tui.audit.app import AuditApp
from tui.audit.source import Progress
from tui.audit.wanted import Wanted, found, parse_wanted
from tui.looks import Span
from tui.widgets.rows import Rows

ROW = SessionRow(
    session="s-1",
    unit="ultrasound-1",
    patient="P-001",
    preset="hip-oa-ultrasound-1mhz",
    started_at_utc="2026-03-02T08:00:00.000Z",
    outcome="completed",
    planned_ms=300_000,
    delivered_ms=300_000,
    simulated=True,
    overrides=0,
    actor="anna",
    modality="ultrasound",
    reason="planned_time",
    seq=3,
)
PAGE = Page(
    title="s-2 on estim-1",
    state="FAULTED: the line to the unit was lost",
    says="Current over 0:10.",
    commanded=(None, 1_000, 2_000),
    reported=(None, 900, None),
    top_text="2.0 mA",
    sections=(Section(heading="Answers", rows=(("pain before", "4 (anna)"),)),),
)
VERDICT = ChartVerdict(
    verdict=Judgement.UNANCHORED, entries=7, root="ab" * 32, last_checkpoint=7, unsigned=0, anchored=None, findings=()
)


def rows(count: int) -> tuple[SessionRow, ...]:
    """Sessions of two people, every fifth one faulted."""
    return tuple(
        msgspec.structs.replace(
            ROW,
            session=f"s-{number}",
            actor="anna" if number % 2 else "ben",
            outcome="faulted" if number % 5 == 0 else "completed",
            started_at_utc=f"2026-03-{1 + number % 28:02}T08:00:00.000Z",
        )
        for number in range(count)
    )


class MadeUp:
    """A chart without a file."""

    name = "made-up"
    simulated = True

    def __init__(self, count: int = 40) -> None:
        self._rows = rows(count)
        self.exported: list[tuple[tuple[str, ...], Path]] = []

    def rows(self) -> Sequence[SessionRow]:
        """All of them."""
        return self._rows

    def page(self, session: str) -> Page:
        """The same page under another name."""
        return msgspec.structs.replace(PAGE, title=f"{session} on estim-1")

    def verify(self, progress: Progress) -> ChartVerdict:
        """Sound, unanchored."""
        progress(3, 7)
        return VERDICT

    def export(self, sessions: Sequence[str], target: Path) -> int:
        """Remember what was asked."""
        if target.name == "there":
            raise RefusedError(f"{target} is there already; nothing was written.")
        self.exported.append((tuple(sessions), target))
        return 99


def on(source: MadeUp, act: Callable[["Reader"], Awaitable[None]], size: tuple[int, int] = (80, 24)) -> None:
    """Run the screen with this source."""

    async def run() -> None:
        app = AuditApp(source)
        async with app.run_test(size=size) as pilot:
            reader = Reader(app, pilot)
            await reader.settle()
            await act(reader)

    asyncio.run(run())


class Reader:
    """A person at the screen."""

    def __init__(self, app: AuditApp, pilot: Pilot[None]) -> None:
        self.app, self._pilot = app, pilot

    async def settle(self) -> None:
        """Until threads and messages have come to rest."""
        for _ in range(4):
            await self._pilot.pause()
            await self.app.workers.wait_for_complete()

    async def press(self, *keys: str) -> None:
        """Keys, one after the other."""
        await self._pilot.press(*keys)
        await self.settle()

    async def type(self, words: str) -> None:
        """A line and Enter."""
        await self.press(*("slash" if char == "/" else "space" if char == " " else char for char in words), "enter")

    def text(self) -> str:
        """Every word on the screen."""
        return "\n".join("".join(span.text for span in line) for one in self.app.query(Rows) for line in one.lines)


def test_a_filter_narrows_the_list_and_says_so() -> None:
    """By person and outcome, both must fit."""

    async def act(reader: Reader) -> None:
        await reader.press("slash")
        await reader.type("by:anna outcome:faulted")

        assert "4 of 40 sessions: by:anna outcome:faulted" in reader.text()
        assert "ben" not in reader.text()

    on(MadeUp(), act)


def test_a_word_that_is_no_filter_is_named() -> None:
    """Nothing is silently passed over: a filter that does nothing hides what was looked for."""

    async def act(reader: Reader) -> None:
        await reader.press("slash")
        await reader.type("whom:anna")

        assert "'whom:anna' is no filter." in reader.text()

    on(MadeUp(), act)


def test_a_session_is_read_and_left_again() -> None:
    """Its state, its picture, its answers; Esc goes back to the same row."""

    async def act(reader: Reader) -> None:
        await reader.press("down", "down", "enter")
        assert "s-2 on estim-1" in reader.text()
        assert "FAULTED: the line to the unit was lost" in reader.text()
        await reader.press("pagedown")
        assert "pain before" in reader.text()

        await reader.press("escape")
        assert ">2026-03-03 08:00" in reader.text()

    on(MadeUp(), act)


def test_verifying_ends_with_words_and_not_with_a_colour() -> None:
    """What it means that nobody outside holds a head."""

    async def act(reader: Reader) -> None:
        await reader.press("v")

        assert "UNANCHORED: sound as far as it goes." in reader.text()
        assert "7 entries, root abab" in reader.text()

    on(MadeUp(), act)


def test_counts_are_over_what_is_shown() -> None:
    """Filter first, then count."""

    async def act(reader: Reader) -> None:
        await reader.press("slash")
        await reader.type("by:anna")
        await reader.press("t")

        assert "20 sessions" in reader.text()
        assert "4 faulted" in reader.text()
        assert "ben" not in reader.text()

    on(MadeUp(), act)


def test_the_selection_is_copied_where_the_person_says_and_replaces_nothing() -> None:
    """A path is asked for; a file that is there stays."""
    source = MadeUp()

    async def act(reader: Reader) -> None:
        await reader.press("e")
        await reader.type("copy")
        assert "wrote 99 entries of 40 sessions" in reader.text()
        await reader.press("e")
        await reader.type("there")
        assert "is there already; nothing was written" in reader.text()

    on(source, act)
    assert [40] == [len(names) for names, _target in source.exported]


@pytest.mark.parametrize("size", [(80, 24), (132, 43)])
def test_a_hundred_thousand_sessions_are_drawn_a_screenful_at_a_time(size: tuple[int, int]) -> None:
    """The last row is one key away, and only what is in sight has lines."""

    async def act(reader: Reader) -> None:
        await reader.press("end")
        body = reader.app.query_one("#body", Rows)
        drawn: Sequence[tuple[Span, ...]] = body.lines

        assert len(drawn) <= size[1]
        assert ">2026-03" in reader.text()
        await reader.press("home")
        assert ">2026-03-01 08:00" in reader.text()

    on(MadeUp(100_000), act, size)


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("", Wanted()),
        ("patient:P-1 early", Wanted(patient="P-1", early=True)),
        ("since:2026-03-01 until:2026-03-31", Wanted(since="2026-03-01", until="2026-03-31")),
    ],
)
def test_a_filter_is_words(typed: str, wanted: Wanted) -> None:
    """Each word one condition."""
    assert wanted == parse_wanted(typed)


@pytest.mark.parametrize("typed", ["patient:", "early:yes", "patient", "x:y", "patient:a b"])
def test_half_a_filter_is_none(typed: str) -> None:
    """A sentence instead of a guess."""
    assert isinstance(parse_wanted(typed), str)


def test_a_stop_at_nine_tenths_is_early_and_the_day_until_is_included() -> None:
    """95 % of what was planned is the bound."""
    early = msgspec.structs.replace(ROW, delivered_ms=284_999)
    full = msgspec.structs.replace(ROW, delivered_ms=285_000)

    assert (early,) == found((early, full), Wanted(early=True))
    assert (early, full) == found((early, full), Wanted(until="2026-03-02"))
    assert () == found((early, full), Wanted(until="2026-03-01"))
