"""The whole screen at one moment, as lines: which page, how far it is scrolled, what the keys do. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from devices.bench import FaultSpec
from modctl.ipc.messages import Acknowledge, Request, UnitRow
from modctl.ipc.servicing import HoldUnit, IdentifyUnit, ReleaseUnit
from tui.bench.lines import (
    Lines,
    fault_line,
    frame_lines,
    frame_text,
    run_lines,
    told,
    true_lines,
    unit_head,
    unit_line,
    unit_lines,
    why_of,
)
from tui.bench.source import ReadFrame, Trip
from tui.bench.state import Bench, Page, escape_target, mine_target, open_gate, shown_target
from tui.looks import Line, Look, Span, columns, fitted

KEYS: Final = {
    Page.UNITS: "↑↓ Enter: open   q: leave",
    Page.UNIT: "f: faults  t: wire  r: run  h: hold  l: release  i: identify  a: acknowledge",
    Page.FAULTS: "↑↓ Enter: inject   x: take this one back   c: clear all   Backspace: back",
    Page.TRACE: "/: filter  w: save  i: identify  ↑↓: hold still, End: go on   Backspace: back",
    Page.RUN: "↑↓ Enter: answer   f: faults  t: wire   Backspace: back",
}


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """All that one picture is made of."""

    bench: Bench
    user: str
    role: str
    choice: int
    rack_says: str
    menu: Sequence[FaultSpec]
    adapter: str
    trip: Trip | None
    frames: Sequence[ReadFrame]
    scroll: int
    filter: str
    missed: int
    is_typing: bool


def head_line(shown: Shown, width: int) -> Line:
    """Whose screen this is, whether anything here is real, and whether it hears the controller."""
    bench = shown.bench
    site = "" if bench.snapshot is None else bench.snapshot.site
    simulated = "" if bench.snapshot is None or not bench.snapshot.simulated else "  SIMULATED"
    hears = "" if bench.is_current() else "  NO DATA from the controller"
    role = "" if shown.role == shown.user else f" ({shown.role})"
    who = f" {shown.user}{role} " if shown.role else " nobody is signed in "
    unit = "" if bench.page is Page.UNITS else f"  {bench.unit}: {bench.page}"
    left = (Span(f" BENCH  {site}{simulated}{unit}{hears}", Look.STOP),)
    return tuple(Span(span.text, Look.STOP) for span in columns(left, (Span(who, Look.STOP),), width))


def body_lines(shown: Shown, width: int, room: int) -> Lines:
    """The middle."""
    bench = shown.bench
    row = bench.row(bench.unit)
    if bench.page is Page.UNITS or row is None:
        return _list(shown, width, room)
    match bench.page:
        case Page.UNIT:
            return unit_lines(bench, row, shown.trip, shown.adapter, width)
        case Page.FAULTS:
            return _faults(shown, row, width, room)
        case Page.TRACE:
            return _trace(shown, width, room)
        case _:
            view = bench.session_on(row.name)
            if view is None or not view.load:
                return told("No bench run on this unit. r on the unit's page begins one.", width)
            return run_lines(bench, row, view, shown.choice, width)


def _list(shown: Shown, width: int, room: int) -> Lines:
    bench = shown.bench
    rows = bench.rows()
    if not rows:
        return told("Nothing is known of the units yet.", width)
    says = _says(shown, rows, width)
    names = [row.name for row in rows]
    at = names.index(bench.unit) if bench.unit in names else 0
    listed = [unit_line(bench, row, width, is_chosen=row.name == bench.unit) for row in rows]
    return (unit_head(width), *_window(listed, at, room - 1 - len(says)), *says)


def _says(shown: Shown, rows: Sequence[UnitRow], width: int) -> Lines:
    """Under the list: what the simulators or the chosen unit have to say."""
    bench = shown.bench
    says = told(f"{shown.rack_says}", width, Look.QUIET) if shown.rack_says else ()
    row = bench.row(bench.unit)
    truth = bench.truths.get(bench.unit)
    if row is not None and row.reason:
        says += told(f"{row.name}: {row.state}{why_of(row)}", width, Look.QUIET)
    if truth is not None and truth.faults:
        says += told(f"{truth.name} has: {', '.join(truth.faults)}", width, Look.WARNING)
    lost = [truth.name for truth in bench.truths.values() if all(row.name != truth.name for row in rows)]
    if lost:
        says += told(f"Simulated, but no unit of this site: {', '.join(lost)}", width, Look.QUIET)
    return ((Span(""),), *says) if says else ()


def _faults(shown: Shown, row: UnitRow, width: int, room: int) -> Lines:
    bench = shown.bench
    truth = bench.truths.get(row.name)
    if truth is None:
        why = shown.rack_says or "No simulator runs under this name; a real unit has no faults to order."
        return told(f"{why}", width)
    head = true_lines(bench, row, width)
    if not shown.menu:
        return (*head, *told("reading the menu of faults …", width))
    listed = [fault_line(spec, truth.faults, width, is_chosen=at == shown.choice) for at, spec in enumerate(shown.menu)]
    return (*head, (Span(""),), *_window(listed, shown.choice, room - len(head) - 1))


def _trace(shown: Shown, width: int, room: int) -> Lines:
    until = len(shown.frames) - shown.scroll
    frames = shown.frames[max(0, until - room + 1) : max(0, until)]
    begun_ns = shown.frames[0].row.at_mono_ns if shown.frames else 0
    held = "held still (End goes on)" if shown.scroll else "live"
    only = f", only {shown.filter!r}" if shown.filter else ""
    missed = f", {shown.missed} frames were too old to be shown" if shown.missed else ""
    above = f" {held}, {len(shown.frames)} frames{only}{missed}; an answer is read after i: identify"
    return ((Span(fitted(above, width), Look.QUIET),), *frame_lines(frames, begun_ns, width))


def _window(listed: Sequence[Line], chosen: int, room: int) -> Sequence[Line]:
    """So many lines that the chosen one is among them."""
    top = min(max(0, chosen - room // 2), max(0, len(listed) - room))
    return listed[top : top + max(1, room)]


def choices(shown: Shown) -> int:
    """How many things can be chosen on this page."""
    if shown.bench.page is Page.FAULTS:
        return len(shown.menu)
    view = shown.bench.session_on(shown.bench.unit)
    gate = None if view is None else open_gate(view)
    return 0 if gate is None else len(gate.answers)


def frame_filter(frames: Iterable[ReadFrame], wanted: str) -> tuple[ReadFrame, ...]:
    """The frames whose words or bytes hold what is wanted."""
    return tuple(frame for frame in frames if wanted in frame_text(frame).lower())


def stop_line(shown: Shown, width: int) -> Line:
    """What each stop key stops at this moment."""
    large, escape, mine = shown_target(shown.bench), escape_target(shown.bench), mine_target(shown.bench)
    keys = ("Esc" if escape.stops else "", "" if shown.is_typing else "space, s")
    named = ", ".join(key for key in keys if key)
    everything = "F12, Ctrl+C"
    if not large.stops and not mine.stops:
        said = f" Nothing of this screen runs.   Esc: {'gives up' if shown.is_typing else 'back'}"
    elif not large.stops or not named:
        said = f" STOP   {everything}: {mine.words}"
    elif large.stops == mine.stops:
        said = f" STOP   {named}, {everything}: {large.words}"
    else:
        said = f" STOP   {named}: {large.words}{f'   {everything}: {mine.words}' if mine.stops else ''}"
    return (Span(fitted(said, width), Look.STOP),)


def key_line(shown: Shown, width: int) -> Line:
    """What the other keys do."""
    keys = "Enter: next" if shown.is_typing else KEYS[shown.bench.page]
    return (Span(fitted(f" {keys}", width), Look.QUIET),)


def done(asked: Request) -> str:
    """What was done, where the picture does not say it by itself; empty: it does."""
    match asked:
        case HoldUnit():
            return f"{asked.unit} is out of service at every table. It can still be run on a load."
        case ReleaseUnit():
            return f"{asked.unit} is back in service."
        case IdentifyUnit():
            return f"{asked.unit} is asked who it is."
        case Acknowledge():
            return f"{asked.unit}: its fault is acknowledged."
        case _:
            return ""
