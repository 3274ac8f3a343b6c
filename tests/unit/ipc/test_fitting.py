"""A snapshot always fits its line: words go before sessions, and what runs never goes."""

import msgspec
import pytest

from modctl.ipc.fitting import snapshot_line
from modctl.ipc.messages import MAX_LINE_BYTES, GateView, SessionView, Snapshot
from modctl.records import EffectiveLimit, Quantity
from tests.tui.fakes import session

LIMIT = EffectiveLimit(
    id="a-limit-of-a-usual-length",
    kind="max",
    parameter="current_ua",
    bound=Quantity(value=80_000, unit="uA"),
    tier="hard",
    source="a source of the usual length, with its clause and its year, as the profiles have them",
    mark="source",
)
GATES = tuple(GateView(gate=f"gate-{n}", title="A title?", text="x" * 250, answers=(), closes=()) for n in range(12))


def shown(*phases: str) -> Snapshot:
    """Sessions as large as real ones are: nine kilobytes each."""
    views = (
        session(
            session=f"S-{number}", phase=phase, limits=(LIMIT,) * 20, gates=GATES, gate=None, closed=phase == "ended"
        )
        for number, phase in enumerate(phases)
    )
    return Snapshot(seq=1, mono_ns=1, site="s", simulated=True, units=(), sessions=tuple(views))


def read(line: bytes) -> tuple[SessionView, ...]:
    """What a screen gets."""
    return msgspec.json.decode(line, type=Snapshot).sessions


def test_what_fits_is_said_whole() -> None:
    """Nothing is left out that need not be."""
    snapshot = shown("running", "ended")

    assert snapshot.sessions == read(snapshot_line(snapshot))


def test_what_is_over_and_answered_goes_first() -> None:
    """It needs nobody."""
    phases = ["running", *["ended"] * 10, "unconfirmed"]
    told = read(snapshot_line(shown(*phases)))

    assert ["running", "unconfirmed"] == [view.phase for view in told]
    assert told[0].limits


@pytest.mark.parametrize("count", [8, 16, 24])
def test_what_runs_is_always_said(count: int) -> None:
    """A clinic's full house: a snapshot that is not sent is no data on every screen, with every unit energized."""
    line = snapshot_line(shown(*["running"] * count))

    assert count == len(read(line))
    assert len(line) <= MAX_LINE_BYTES


def test_the_question_that_is_open_is_always_said() -> None:
    """Without its words nobody can answer it."""
    snapshot = shown(*["checking"] * 16)
    asking = tuple(msgspec.structs.replace(view, gate="gate-3") for view in snapshot.sessions)
    told = read(snapshot_line(msgspec.structs.replace(snapshot, sessions=asking)))

    assert {("gate-3",)} == {tuple(gate.gate for gate in view.gates) for view in told}
