"""The auditor's whole journey: in the station while it treats, then on a copy far from it, and both without screens."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from modctl.config import Layout
from modctl.ipc.client import BlockingClient
from modctl.ipc.messages import Done, Stop
from tests.process import small_site as site
from tests.process.screen_terminal import Terminal

CLAIMS = "patient,date,code,minutes,payer\nP-1,{day},97035,1,x\nP-1,{day},97012,15,x\n"


class Station:
    """A small site that runs: one session was ended early, another one is under way."""

    def __init__(self, layout: Layout, running: site.Controller, client: BlockingClient, early: str) -> None:
        self.layout, self.running, self.client, self.early = layout, running, client, early
        self.live = ("--site", str(layout.root))


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """Treated at by one client all the time."""
    layout = site.lay_down(tmp_path / "site")
    with site.simulators(layout), site.controller(layout) as running, closing(running.client()) as client:
        early = site.begin(client, "ultrasound-1", duration_ms=60_000)
        site.wait_for(client, early, "running")
        assert isinstance(client.request(Stop(id=client.next_id(), session=early)), Done)
        site.wait_for(client, early, "ended")
        yield Station(layout, running, client, early)


def walk(terminal: Terminal, folder: Path, early: str) -> Sequence[str]:
    """Find it, read it, verify, count, take it away, hold claims against it, leave; what stood on its page."""
    terminal.sees("sessions, the newest first")
    terminal.types(b"/by:THERAPIST early\r")
    terminal.sees("1 of ")
    terminal.types(b"\r")
    terminal.sees("session 1 of 1")
    page = terminal.text().splitlines()[1:21]
    terminal.types(b"\x1b")
    terminal.sees("STOPPED")
    terminal.types(b"v")
    terminal.sees("UNANCHORED: sound as far as it goes")
    terminal.types(b"\x1b")
    terminal.sees("1 of ")
    terminal.types(b"t")
    terminal.sees("Why sessions ended early")
    terminal.types(b"\x1b")
    terminal.sees("1 of ")
    terminal.types(b"e" + str(folder / "early.jsonl").encode() + b"\r")
    terminal.sees("lines of 1 sessions")
    terminal.types(b"e" + str(folder / "early.csv").encode() + b"\r")
    terminal.sees("wrote 2 lines")
    terminal.types(b"c" + str(folder / "claims.csv").encode() + b"\r")
    terminal.sees("no session of mechanical")
    terminal.types(b"\x1b")
    terminal.types(b"s42 1\r")
    terminal.sees("and number 42")
    assert 0 == terminal.leaves(b"q")
    taken = [json.loads(line) for line in (folder / "early.jsonl").read_text().splitlines()]
    assert {early} == {line["session"] for line in taken}
    return page


def plainly(*words: str) -> tuple[int, list[dict[str, object]]]:
    """The same duty without a screen."""
    done = subprocess.run(
        [site.MODCTL, "--json", *words], capture_output=True, timeout=40, check=False, stdin=subprocess.DEVNULL
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_the_auditors_journey_in_the_station_and_on_a_copy(station: Station, tmp_path: Path) -> None:
    """The screen shows in the station what it shows of a copy, writes nothing, and stops nobody's session."""
    runs = site.begin(station.client, "estim-1", duration_ms=120_000)
    site.wait_for(station.client, runs, "running")
    copy, inside, outside = tmp_path / "copy.db", tmp_path / "inside", tmp_path / "outside"
    _status, rows = plainly(*station.live, "session", "list", "early")
    day = str(rows[0]["started_at_utc"])[:10]
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "claims.csv").write_text(CLAIMS.format(day=day))
    with closing_terminal(*station.live, "audit") as terminal:
        live_page = walk(terminal, inside, station.early)
    assert site.truth(station.layout, "estim-1").energized

    status, _ = plainly(*station.live, "chart", "export", str(copy), "--purpose", "audit")
    assert 0 == status
    assert isinstance(station.client.request(Stop(id=station.client.next_id(), session=runs)), Done)
    assert 0 == station.running.end()
    written = [entry for entry in site.entries(station.layout) if entry.actor not in (None, "therapist")]
    assert [] == [entry.kind for entry in written]

    with closing_terminal("--site", "/nowhere", "audit", "--chart", str(copy), "--zone", "UTC") as terminal:
        copy_page = walk(terminal, outside, station.early)
    assert copy_page == live_page
    assert (inside / "early.jsonl").read_bytes() == (outside / "early.jsonl").read_bytes()
    assert (inside / "early.csv").read_bytes() == (outside / "early.csv").read_bytes()


DUTIES: dict[str, tuple[str, ...]] = {
    "find": ("session", "list", "by:therapist", "early"),
    "read": ("session", "show", "{early}"),
    "again": ("session", "replay", "{early}"),
    "count": ("audit", "counts", "early"),
    "claims": ("audit", "reconcile", "{claims}"),
    "patterns": ("audit", "patterns"),
}


@pytest.mark.slow
def test_every_duty_is_done_without_a_screen_and_says_the_same_of_a_copy(station: Station, tmp_path: Path) -> None:
    """In the station over the controller's socket, of a copy without one, and in the station when none runs."""
    copy, claims = tmp_path / "copy.db", tmp_path / "claims.csv"
    _status, rows = plainly(*station.live, "session", "list")
    claims.write_text(CLAIMS.format(day=str(rows[0]["started_at_utc"])[:10]))
    plainly(*station.live, "chart", "export", str(copy), "--purpose", "audit")
    away = ("--site", "/nowhere")
    told: dict[str, tuple[tuple[int, list[dict[str, object]]], ...]] = {}
    for duty, words in DUTIES.items():
        asked = tuple(word.format(early=station.early, claims=claims) for word in words)
        zone = ("--zone", "UTC") if duty in ("find", "count", "claims", "patterns") else ()
        told[duty] = (
            plainly(*station.live, *asked),
            plainly(*away, *asked, "--chart", str(copy), *zone),
        )
    verified = plainly(*station.live, "chart", "verify")
    exported = plainly(*station.live, "audit", "export", str(tmp_path / "live.csv"), "early")
    assert 0 == station.running.end()
    alone = plainly(*station.live, "audit", "counts", "early")

    assert {duty: answers[1:] for duty, answers in told.items()} == {
        duty: answers[:1] for duty, answers in told.items()
    }
    assert told["count"][0] == alone
    assert (0, "unanchored") == (verified[0], verified[1][0]["verdict"])
    assert (0, 1) == (exported[0], exported[1][0]["sessions"])
    verdicts = [line["verdict"] for line in told["claims"][0][1]]
    assert "no_session" in verdicts


def closing_terminal(*words: str) -> "closing[Terminal]":
    """Left whatever happens."""
    return closing(Terminal(*words))


@pytest.mark.slow
def test_a_screen_that_stands_open_keeps_no_controller_from_starting(tmp_path: Path) -> None:
    """It holds the site only while it reads: first the file itself, then through the controller that has started."""
    layout = site.lay_down(tmp_path / "site", ["ultrasound-1"])
    with closing_terminal("--site", str(layout.root), "audit") as terminal:
        terminal.sees("0 sessions, the newest first")
        with site.simulators(layout), site.controller(layout) as running, closing(running.client()) as client:
            session = site.begin(client, "ultrasound-1", duration_ms=60_000)
            site.wait_for(client, session, "running")
            terminal.types(b"r")
            terminal.sees("1 session, the newest first")
            terminal.types(b"\r")
            terminal.sees("OPEN: no end in this chart")
            assert site.truth(layout, "ultrasound-1").energized
            assert isinstance(client.request(Stop(id=client.next_id(), session=session)), Done)
            site.wait_for(client, session, "ended")
            assert 0 == running.end()
        terminal.types(b"\x1b")
        terminal.sees("1 session, the")
        terminal.types(b"r")
        terminal.sees("STOPPED")
        assert 0 == terminal.leaves(b"q")
