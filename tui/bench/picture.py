"""The whole screen at one moment, as lines: which page, how far it is scrolled, what the keys do. Pure."""

from collections.abc import Sequence

import msgspec

from devices.bench import FaultSpec
from modctl.ipc.messages import Acknowledge, Request, UnitRow
from modctl.ipc.servicing import HoldUnit, ReleaseUnit
from tui.acts import Offer, help_lines
from tui.bench.lines import (
    Lines,
    Placed,
    fault_line,
    frame_lines,
    run_lines,
    told,
    true_lines,
    unit_head,
    unit_line,
    unit_lines,
    why_of,
)
from tui.bench.pages import CALM, TYPING, UNLOCK, Do, Letter, Page, page_letters
from tui.bench.rack_lines import model_lines, rack_lines
from tui.bench.sheet import entries
from tui.bench.sheet_lines import record_lines, sheet_lines
from tui.bench.source import Plan, ReadFrame, Trip
from tui.bench.state import RACKED, Bench, escape_target, mine_target, open_gate, shown_target
from tui.looks import Line, Look, Span, columns, fitted


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """All that one picture is made of."""

    bench: Bench
    user: str
    role: str
    rack_says: str
    menu: Sequence[FaultSpec]
    models: Sequence[tuple[str, str]]
    plan: Plan | None
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
    who = f" LOCKED {who}" if bench.is_locked else who
    unit = "" if bench.page is Page.UNITS else f"  {bench.page}" if bench.page in RACKED else f"  {_of_page(bench)}"
    left = (Span(f" BENCH  {site}{simulated}{unit}{hears}", Look.STOP),)
    return tuple(Span(span.text, Look.STOP) for span in columns(left, (Span(who, Look.STOP),), width))


def _of_page(bench: Bench) -> str:
    return f"{bench.subject()}: {bench.page}"


def body_lines(shown: Shown, width: int, room: int) -> Lines:
    """The middle."""
    bench = shown.bench
    row = bench.row(bench.unit)
    match bench.page:
        case Page.RACK:
            return rack_lines(bench, shown.rack_says, width, room)
        case Page.MODELS:
            return model_lines(shown.models, bench.choice, width).within(room)
        case Page.FAULTS:
            return _faults(shown, width, room)
        case Page.RECORD if bench.record is not None:
            return record_lines(bench.record, bench.choice, width).within(room)
    if bench.page is Page.UNITS or row is None:
        return _list(shown, width, room)
    return _of_unit(shown, row, width, room)


def _of_unit(shown: Shown, row: UnitRow, width: int, room: int) -> Lines:
    bench = shown.bench
    match bench.page:
        case Page.TRACE:
            return _trace(shown, width, room)
        case Page.POINTS | Page.ITEMS if bench.sheet is not None and shown.plan is not None:
            return sheet_lines(bench.sheet, row, shown.plan, bench.choice, width).within(room)
        case Page.RUN:
            view = bench.session_on(row.name)
            if view is None or not view.load:
                return told("No bench run on this unit yet. r begins one.", width)
            return run_lines(bench, row, view, bench.choice, width)
        case _:
            return unit_lines(bench, row, shown.trip, shown.adapter, width)


def _list(shown: Shown, width: int, room: int) -> Lines:
    bench = shown.bench
    rows = bench.rows()
    if not rows:
        return told("Nothing is known of the units yet.", width)
    says = _says(shown, rows, width)
    names = [row.name for row in rows]
    at = names.index(bench.unit) if bench.unit in names else 0
    listed = [unit_line(bench, row, width, is_chosen=row.name == bench.unit) for row in rows]
    return (unit_head(width), *Placed(tuple(listed), at).within(room - 1 - len(says)), *says)


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
        says += told(f"Simulated, but no unit of this site (m shows why): {', '.join(lost)}", width, Look.QUIET)
    return ((Span(""),), *says) if says else ()


def _faults(shown: Shown, width: int, room: int) -> Lines:
    bench = shown.bench
    truth = bench.truths.get(bench.subject())
    if truth is None:
        why = shown.rack_says or "No simulator runs under this name; a real unit has no faults to order."
        return told(f"{why}", width)
    head = true_lines(bench, truth.name, width)
    if not shown.menu:
        return (*head, *told("reading the menu of faults …", width))
    chosen = bench.choice
    listed = [fault_line(spec, truth.faults, width, is_chosen=at == chosen) for at, spec in enumerate(shown.menu)]
    return (*head, (Span(""),), *Placed(tuple(listed), chosen).within(room - len(head) - 1))


def _trace(shown: Shown, width: int, room: int) -> Lines:
    until = len(shown.frames) - shown.scroll
    frames = shown.frames[max(0, until - room + 1) : max(0, until)]
    begun_ns = shown.frames[0].row.at_mono_ns if shown.frames else 0
    held = "held still (End goes on)" if shown.scroll else "live"
    only = f", only {shown.filter!r}" if shown.filter else ""
    missed = f", {shown.missed} frames were too old to be shown" if shown.missed else ""
    above = f" {held}, {len(shown.frames)} frames{only}{missed}; an answer is read after i: identify"
    return ((Span(fitted(above, width), Look.QUIET),), *frame_lines(frames, begun_ns, width))


def choices(shown: Shown) -> int:
    """How many things can be chosen on this page."""
    bench = shown.bench
    row = bench.row(bench.unit)
    match bench.page:
        case Page.FAULTS:
            return len(shown.menu)
        case Page.MODELS:
            return len(shown.models)
        case Page.RECORD:
            return 0 if bench.record is None else len(bench.record.affected)
        case Page.POINTS | Page.ITEMS if bench.sheet is not None and shown.plan is not None and row is not None:
            return len(entries(bench.sheet, row, shown.plan))
    view = bench.session_on(bench.unit)
    gate = None if view is None else open_gate(view)
    return 0 if gate is None else len(gate.answers)


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


def letters_now(shown: Shown) -> tuple[Letter, ...]:
    """The keys that mean something now, in the order of the line of help."""
    if shown.is_typing:
        return TYPING
    letters = page_letters(shown.bench.page)
    if shown.bench.is_locked:
        return (UNLOCK, *(one for one in letters if one.does in CALM))
    return tuple(one for one in letters if one.does is not Do.ENTER or _can_enter(shown))


def _can_enter(shown: Shown) -> bool:
    return bool(shown.bench.rows()) if shown.bench.page is Page.UNITS else choices(shown) > 0


def key_lines(shown: Shown, width: int) -> Lines:
    """What the other keys do, in two lines; no key is parted from its words."""
    words = help_lines([Offer(one.act, is_rare=one.is_rare) for one in letters_now(shown)], width - 1)
    return tuple((Span(fitted(f" {line}", width), Look.QUIET),) for line in words)


def done(asked: Request) -> str:
    """What was done, where the picture does not say it by itself; empty: it does."""
    match asked:
        case HoldUnit():
            return f"{asked.unit} is out of service at every table. It can still be run on a load."
        case ReleaseUnit():
            return f"{asked.unit} is back in service."
        case Acknowledge():
            return f"{asked.unit}: its fault is acknowledged."
        case _:
            return ""
