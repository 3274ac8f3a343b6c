"""States in words and shapes, as every screen says them: one table for the board, the large view and the smallest one.

Rule 1: a rest of the plan is energized: output comes again without another act.
Rule 2: what is simulated is marked in every line that names a unit or a session.
"""

from typing import Final

import msgspec

from devices.model import NS_PER_S
from modctl import sentences, text
from modctl.ipc.messages import SessionView
from tui.looks import Line, Look, Span, columns
from tui.sight import Showing, Sight, only_asks, showing

SIM: Final = "SIM "
NO_DATA_TEXT: Final = "Nothing new from the unit: it may be energized."
SETTLED_TEXT: Final = "Off was not confirmed at its end; a person has cleared the unit since."
RESTING_TEXT: Final = "Resting; the output comes again by itself."
PACK_WAITS: Final = "Put the pack on, then press o: its time begins then."
PACK_OFF: Final = "TAKE THE PACK OFF, look at the skin, then press f."
_UNKNOWN_TEXT: Final = (
    "Remove the electrodes, take the head off or open the release, then cut the unit's power."  # when no profile says
)


class State(msgspec.Struct, frozen=True):
    """A word with its shape and look, and the sentence that goes with it."""

    word: Span
    sentence: str


NOT_STARTED: Final = State(Span(" ○ NOT STARTED ", Look.QUIET), "The questions before the start are open.")

_LOOKS: Final = {
    Showing.ENERGIZED: Look.ENERGIZED,
    Showing.SUSPENDED: Look.SUSPENDED,
    Showing.OFF: Look.OFF,
    Showing.UNKNOWN: Look.UNKNOWN,
}


def state(sight: Sight, view: SessionView) -> State:
    """What is said of a session's output and phase."""
    shown = showing(sight, view)
    if shown is Showing.OFF and view.phase == "checking" and view.session not in sight.starting:
        return NOT_STARTED
    if shown is Showing.NO_DATA and only_asks(sight, view):
        return NOT_STARTED
    if shown is Showing.NO_DATA:
        return State(Span(" ◇ NO DATA ", Look.UNKNOWN), NO_DATA_TEXT)
    if shown is Showing.UNKNOWN:
        return State(_word(text.output("unknown"), Look.UNKNOWN), view.unknown_text or _UNKNOWN_TEXT)
    if view.outcome == "unconfirmed":
        return State(_word(text.outcome(view.outcome), Look.OFF), SETTLED_TEXT)
    if view.phase == "ended":
        sentence = f"{_after(view)}{sentences.reason(view.reason)}." if view.reason else _after(view)
        return State(_word(text.outcome(view.outcome), Look.OFF), sentence)
    if view.by_hand and shown in (Showing.ENERGIZED, Showing.OFF):
        return _pack_state(view, is_on=shown is Showing.ENERGIZED)
    if view.phase == "running" and view.resting:
        return State(_word(text.output("energized"), Look.ENERGIZED), RESTING_TEXT)
    return State(_word(text.output(shown), _LOOKS[shown]), _phase(view))


def _pack_state(view: SessionView, *, is_on: bool) -> State:
    """A pack: where a person says that it is, and what is to be done with it."""
    if not is_on:
        return State(_word("□ PACK NOT ON", Look.OFF), PACK_WAITS if view.phase == "starting" else "")
    return State(_word("■ PACK ON", Look.ENERGIZED), PACK_OFF if view.phase == "stopping" else "")


def sim(*, is_simulated: bool) -> Span:
    """The mark of a simulated unit; nothing for a real one."""
    return Span(SIM, Look.WARNING) if is_simulated else Span("")


def side_of(view: SessionView) -> Span:
    """The side in capitals with an arrow, so that a wrong one looks wrong."""
    shapes = {"left": " ◀ LEFT ", "right": " RIGHT ▶ "}
    return Span(shapes.get(view.side, f" {view.side.upper()} "), Look.CHOSEN)


def who_and_where(view: SessionView, width: int, before: str = "") -> Line:
    """Which session this is: unit, patient, region; the side stands at the right end, where nothing cuts it."""
    left = (
        Span(f" {before}", Look.QUIET),
        sim(is_simulated=view.simulated),
        Span(view.unit, Look.STRONG),
        Span(f"  {patient_of(view)}  {view.region}"),
    )
    return columns(left, (Span(" "), side_of(view)), width)


def patient_of(view: SessionView) -> str:
    """Who is treated; on a connection without a person nobody is told."""
    if not view.patient:
        return "(sign in to see who)"
    return f"{view.patient_name} ({view.patient})" if view.patient_name else view.patient


def age_text(sight: Sight) -> str:
    """How long nothing came, in words; empty while data is current."""
    age_ns = sight.age_ns()
    if sight.is_current():
        return ""
    return "" if age_ns is None else f"for {text.duration(max(0, age_ns) // NS_PER_S * 1000)}"


def _word(shown: str, look: Look) -> Span:
    return Span(f" {shown} ", look)


def _phase(view: SessionView) -> str:
    """The phase in words; while it runs as it should there is nothing to add."""
    if view.phase == "running":
        return "" if view.output == "energized" else f"Running. {text.contact(view.contact).capitalize()}."
    if view.reason:
        why = sentences.reason(view.reason)
        return f"{text.phase(view.phase)}: {why[:1].upper()}{why[1:]}."
    return f"{text.phase(view.phase)}: {text.PHASES[view.phase][1] if view.phase in text.PHASES else view.output}"


def _after(view: SessionView) -> str:
    confirmed = "Off is confirmed" if view.off_after_ms is not None else "The output is off"
    return f"{confirmed}{f' after {text.duration(view.off_after_ms)}' if view.off_after_ms else ''}: "
