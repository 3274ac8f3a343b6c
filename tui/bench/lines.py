"""What the technician reads, as lines. Pure: the state in, lines out."""

from collections.abc import Sequence
from typing import Final

import msgspec

from devices.bench import FaultSpec, TruthIs
from devices.model import NS_PER_MS, NS_PER_S
from modctl import sentences, text
from modctl.ipc.messages import SessionView, UnitRow
from modctl.ipc.servicing import UnitDetail
from tui.bench.source import ReadFrame, Trip
from tui.bench.state import AT_A_TABLE, Bench, open_gate
from tui.looks import Line, Look, Span, fitted, wrapped

Lines = tuple[Line, ...]
NAME: Final = 14  # columns of a row's name
WIDE: Final = 110  # chosen: from here the list also says model and line
NO_SIMULATOR: Final = "-"
US_PER_MS: Final = 1_000
BYTES_SHOWN: Final = 512  # chosen: more of one frame than any screen shows
MENU_WIDTH: Final = 110  # chosen: numbers stay near their words on a wide screen
LINK_CELLS: Final = 4
COLUMNS: Final = (13, 11, 12, 11, 11, 6, 11)


class Placed(msgspec.Struct, frozen=True):
    """Lines, and at which of them a person is: that one is always among those that are shown."""

    lines: Lines
    at: int

    def within(self, room: int) -> Lines:
        """As many as there is room for."""
        top = min(max(0, self.at - room // 2), max(0, len(self.lines) - room))
        return self.lines[top : top + max(1, room)]


def unit_head(width: int) -> Line:
    """The names of the columns of the list."""
    named = _columns("unit", "state", "reported", "TRUE", "serial", "fw", "due") + fitted("link", LINK_CELLS)
    return (Span(fitted(f" {named}{' model, line' if width >= WIDE else ''}", width), Look.QUIET),)


def unit_line(bench: Bench, row: UnitRow, width: int, *, is_chosen: bool) -> Line:
    """One unit: reported beside true, and how much went wrong on its line."""
    detail, truth = bench.details.get(row.name), bench.truths.get(row.name)
    links = "-" if detail is None else str(sum(count for _, count in detail.link_faults))
    faults = "" if truth is None or not truth.faults else f" {len(truth.faults)} FAULT{'S' * (len(truth.faults) > 1)}"
    said = _columns(
        row.name, row.state, reported(bench, row), true_output(truth), row.serial or "-", row.firmware or "-", due(row)
    )
    tail = f" {row.model}, {row.address}" if width >= WIDE else ""
    words = f"{'>' if is_chosen else ' '}{said}{fitted(links, LINK_CELLS)}{tail}"
    look = Look.CHOSEN if is_chosen else Look.WARNING if differs(bench, row) or faults else Look.PLAIN
    return (Span(fitted(words, width), look),)


def _columns(*cells: str) -> str:
    return "".join(f"{fitted(cell, room - 1)} " for cell, room in zip(cells, COLUMNS, strict=True))


def reported(bench: Bench, row: UnitRow) -> str:
    """What the controller says of the output, in two words."""
    if not bench.is_current():
        return "◇ NO DATA"
    return " ".join(text.output(row.output).split()[:2])


def true_output(truth: TruthIs | None) -> str:
    """What a simulated unit really gives; a real one has no other truth than its own."""
    if truth is None:
        return NO_SIMULATOR
    return f"■ {truth.output} {truth.unit}" if truth.energized else "□ OFF"


def differs(bench: Bench, row: UnitRow) -> bool:
    """What is reported is not what is. Unknown says nothing, so it is never wrong."""
    truth = bench.truths.get(row.name)
    if truth is None or not bench.is_current() or row.output not in ("off", "energized"):
        return False
    return truth.energized != (row.output == "energized")


def due(row: UnitRow) -> str:
    """Up to when the calibration holds; of heads the first that ends."""
    ends = [row.due, *(head.due for head in row.heads)]
    words = [row.calibration, *(head.calibration for head in row.heads)]
    bad = next((word for word in ("failed", "overdue") if word in words), "")
    return bad or min((end for end in ends if end), default="never")


def calibration_words(standing: str, ends: str) -> str:
    """What the last checks say, and for how long."""
    return f"{standing}{f', holds until {ends}' if ends else ''}"


def unit_lines(bench: Bench, row: UnitRow, trip: Trip | None, adapter: str, width: int) -> Lines:
    """Everything of one unit, in rows."""
    detail = bench.details.get(row.name)
    what = f"{row.model}, {row.modality}, class {row.model_class}, verified: {row.verified}"
    lines: list[Line] = [
        *true_lines(bench, row.name, width),
        *_row("state", text.unit_state(row.state) + why_of(row), width),
        *_row("unit", f"{'SIMULATED ' if row.simulated else ''}{what}", width),
        *_row("identity", f"serial {row.serial or 'not told'}, firmware {row.firmware or 'not told'}", width),
        *_row("line", f"{row.address}; {adapter}", width),
        *_row("calibration", calibration_words(row.calibration, row.due), width),
    ]
    for head in row.heads:
        in_use = ", plugged in" if head.serial == row.head else ""
        lines += _row(head.kind, f"{head.serial}: {calibration_words(head.calibration, head.due)}{in_use}", width)
    lines += _link_lines(detail, trip, width)
    lines += _counter_lines(detail, width)
    lines += _sample_lines(detail, width)
    view = bench.session_on(row.name)
    if view is not None:
        lines += _row("session", session_words(view), width)
    return tuple(lines)


def true_lines(bench: Bench, name: str, width: int) -> Lines:
    """Reported output beside the true one, and the faults that act. Nothing reports of what is no unit of the site."""
    row, truth = bench.row(name), bench.truths.get(name)
    is_wrong = row is not None and differs(bench, row)
    look = Look.WARNING if is_wrong else Look.STRONG
    said = "no unit of this site" if row is None else f"reported {reported(bench, row)}"
    first = Span(fitted(f" {said}", 34), look)
    if truth is None:
        return ((first, Span(fitted("true: only a simulator can tell", width - 34), Look.QUIET)),)
    state = f"  state {truth.state}, lease {'-' if truth.lease_left_ms is None else f'{truth.lease_left_ms} ms'}"
    lines: list[Line] = [(first, Span(fitted(f"TRUE {true_output(truth)}{state}", width - 34), look))]
    if is_wrong:
        lines += told("What is reported is not what is.", width, Look.ALARM)
    acting = ", ".join(truth.faults) or "none"
    lines += told(f"faults now: {acting}", width, Look.WARNING if truth.faults else Look.PLAIN)
    return tuple(lines)


def told(said: str, width: int, look: Look = Look.PLAIN) -> Lines:
    """A sentence over as many lines as it needs, a space before each."""
    return tuple((Span(" ", look), *row) for row in wrapped(said, max(1, width - 1), look))


def said_of(reason: str) -> str:
    """A reason in words."""
    return sentences.reason(reason)


def why_of(row: UnitRow) -> str:
    """Why a unit is in its state; what a person typed stays as it is."""
    if not row.reason:
        return ""
    return f": {row.reason if row.state == 'held' else said_of(row.reason)}"


def _row(name: str, said: str, width: int) -> Lines:
    rows = wrapped(said, max(1, width - NAME - 2))
    return tuple((Span(fitted(f"  {name if at == 0 else ''}", NAME), Look.QUIET), *row) for at, row in enumerate(rows))


def _link_lines(detail: UnitDetail | None, trip: Trip | None, width: int) -> Lines:
    counts = "" if detail is None else ", ".join(f"{word} {count}" for word, count in detail.link_faults)
    if trip is None:
        took = "not seen yet"
    elif trip.p50_us is None or trip.p99_us is None:
        took = f"{trip.frames} frames seen, none answered yet"
    else:
        took = f"p50 {_ms(trip.p50_us)}, p99 {_ms(trip.p99_us)}, over {trip.answered} of {trip.frames} frames"
    return (
        *_row("link faults", counts or "none since the controller started", width),
        *_row("round trip", took, width),
    )


def _counter_lines(detail: UnitDetail | None, width: int) -> Lines:
    """What the unit counts by itself, where it does."""
    if detail is None or (detail.boot is None and detail.counter is None):
        return ()
    counts = (("started", detail.boot), ("samples", detail.counter))
    return _row("counters", ", ".join(f"{name} {count}" for name, count in counts if count is not None), width)


def _sample_lines(detail: UnitDetail | None, width: int) -> Lines:
    if detail is None or detail.age_ms is None:
        return _row("sample", "none yet", width)
    values = [f"{text.parameter(name)} {text.quantity(name, value)}" for name, value in detail.values]
    says = [f"{detail.age_ms} ms old", text.contact(detail.contact), *values, *detail.faults]
    return _row("sample", ", ".join(says), width)


def session_words(view: SessionView) -> str:
    """The session on a unit: of a treatment nothing but that there is one."""
    return f"bench run on {view.load}, {view.phase}" if view.load else f"{AT_A_TABLE}, {view.phase}"


def fault_line(spec: FaultSpec, acting: Sequence[str], width: int, *, is_chosen: bool) -> Line:
    """One fault of the menu, with its parameters and whether it acts."""
    is_on = spec.id in acting
    given = " ".join(f"{name}={'' if default is None else default}" for name, default in spec.parameters)
    words = f"{'>' if is_chosen else ' '}{'●' if is_on else '○'} {fitted(spec.id, 17)} {spec.meaning}"
    tail = f" {given}" if given else ""
    look = Look.CHOSEN if is_chosen else Look.WARNING if is_on else Look.PLAIN
    room = min(width, MENU_WIDTH)
    return (Span(fitted(fitted(words, room - len(tail)) + tail, width), look),)


def frame_lines(frames: Sequence[ReadFrame], begun_ns: int, width: int) -> Lines:
    """The wire, a line each: seconds, the way, what it means, the bytes."""
    return tuple((_frame(frame, begun_ns, width),) for frame in frames)


def _frame(frame: ReadFrame, begun_ns: int, width: int) -> Span:
    seconds, rest = divmod(max(0, frame.row.at_mono_ns - begun_ns), NS_PER_S)
    raw = frame.row.frame[: 2 * BYTES_SHOWN]
    bare = " ".join(raw[at : at + 2] for at in range(0, len(raw), 2))
    way = "→" if frame.row.way == "out" else "←"
    means = fitted(frame.means, 9) if frame.row.way == "out" or not frame.means else frame.means
    words = f" {seconds:4}.{rest // NS_PER_MS:03} {way} {means} {bare}"
    return Span(fitted(words, width), Look.WARNING if frame.means == "energize" else Look.PLAIN)


def frame_text(frame: ReadFrame) -> str:
    """What a filter looks in."""
    raw = frame.row.frame
    return f"{frame.row.way} {frame.means} {' '.join(raw[at : at + 2] for at in range(0, len(raw), 2))}"


def run_lines(bench: Bench, row: UnitRow, view: SessionView, choice: int, width: int) -> Lines:
    """A bench run: its state, the level asked for beside the true one, and its next question."""
    word = text.outcome(view.outcome) if view.outcome is not None else text.phase(view.phase)
    why = f": {said_of(view.reason)}" if view.reason else ""
    level = view.level_parameter
    lines: list[Line] = [
        *true_lines(bench, row.name, width),
        (Span(fitted(f" {word}{why}", width), Look.STRONG),),
        *_row("load", view.load if open_gate(view) is not None else f"{view.load}; stated: nobody is connected", width),
        *_row(
            text.parameter(level),
            f"{_commanded(view)}, {text.quantity(level, view.set_level)} set",
            width,
        ),
        *_row("reports", text.measured(level, view.measured, view.observed_as), width),
        *_row("settings", text.settings(view.settings), width),
        *_row("time left", text.time_left(view.planned_ms, view.delivered_ms), width),
    ]
    lines += [line for alarm in view.alarms for line in told(f"! {alarm.text}", width, Look.ALARM)]
    gate = open_gate(view)
    if gate is not None:
        lines += [(Span(""),), *told(f"{gate.title}", width, Look.STRONG), *told(f"{gate.text}", width)]
        for at, (_, words) in enumerate(gate.answers):
            chosen = at == choice
            look = Look.CHOSEN if chosen else Look.PLAIN
            lines.append((Span(fitted(f" {'>' if chosen else ' '} {words}", width), look),))
    return tuple(lines)


def _commanded(view: SessionView) -> str:
    if view.commanded is None:
        return "nothing commanded"
    return f"{text.quantity(view.level_parameter, view.commanded)} commanded"


def _ms(microseconds: int) -> str:
    return f"{microseconds // US_PER_MS}.{microseconds % US_PER_MS // 100} ms"
