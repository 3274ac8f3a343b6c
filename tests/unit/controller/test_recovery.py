"""The end of a session whose controller died: what was delivered, what nobody knows, and how it is called."""

from collections.abc import Sequence

import msgspec
import pytest

from devices.model import NS_PER_MS, NS_PER_S
from modctl.chart.body import decode_body, encode_body
from modctl.chart.reader import OpenSession
from modctl.clock import Stamp
from modctl.controller.recovery import REASON, Left, as_it_was, run_again
from modctl.engine import events as ev
from modctl.engine.effects import SessionEffect
from modctl.engine.setup import Setup
from modctl.records import Draft, Entry, Inputs, Record, SessionRequested
from tests.unit.engine.made import ESTIM, T0_NS, Person

BOOT = "this-boot"


class Charted(Person):
    """A session whose inputs are charted, as the engine does it."""

    def __init__(self, made: Setup = ESTIM) -> None:
        super().__init__(made)
        self.inputs: list[tuple[int, ev.SessionEvent]] = []

    def feed(self, event: ev.SessionEvent) -> Sequence[SessionEffect]:
        """Note the event, then take it."""
        self.inputs.append((self.now_ns, event))
        return super().feed(event)

    def left(self, *, upto: int | None = None, started: bool = True) -> Left:
        """What a controller that died after ``upto`` events leaves in the chart, three events an entry."""
        setup = msgspec.Raw(msgspec.json.encode(self.state.setup))
        requested = SessionRequested(
            unit="u1", model="made-up", patient="p1", preset="x", planned_ms=20_000, asked=(), effective=(), setup=setup
        )
        records: list[Record] = [requested]
        kept = self.inputs[:upto]
        for first in range(0, len(kept), 3):
            some = kept[first : first + 3]
            from_ns = some[0][0]
            events = msgspec.Raw(msgspec.json.encode([(at_ns - from_ns, event) for at_ns, event in some]))
            records.append(Inputs(from_ns=from_ns, events=events, effects=0, effects_sha256=""))
        entries = tuple(_entry(seq, record) for seq, record in enumerate(records, start=1))
        return Left(open=OpenSession(session="s1", unit="u1", seq=1, started=started), entries=entries)


def _entry(seq: int, record: Record) -> Entry:
    stamp = Stamp(at_utc="2026-01-01T00:00:00.000Z", mono_ns=T0_NS, boottime_ns=T0_NS, boot=BOOT)
    return decode_body(encode_body(seq, Draft(data=record, session="s1", actor="therapist"), stamp))


@pytest.fixture
def session() -> Charted:
    """Ten seconds into twenty."""
    made = Charted()
    made.run()
    made.serve(10_000)
    return made


def test_a_session_runs_again_to_the_very_state_it_was_in(session: Charted) -> None:
    """Only then is what the chart says about delivery what the session itself would have said."""
    assert session.state == run_again(session.left().entries)


def test_what_was_delivered_ends_with_the_last_charted_input(session: Charted) -> None:
    """Nothing is invented: the rest of the time is unknown, and never more than was still planned."""
    last_ns = session.state.ledger.mark_ns
    soon = as_it_was(session.left(), confirmed=True, same_boot=True, now_ns=last_ns + 700 * NS_PER_MS)
    late = as_it_was(session.left(), confirmed=True, same_boot=True, now_ns=last_ns + 3_600 * NS_PER_S)

    assert session.state.ledger.delivered_ns // NS_PER_MS == soon.delivered_ms
    assert 700 == soon.unknown_ms
    assert soon.delivered_ms == late.delivered_ms
    assert 20_000 - late.delivered_ms == late.unknown_ms


def test_after_another_boot_no_clock_tells_how_long_it_went_on(session: Charted) -> None:
    """A power cut: the doubt is all that was still planned."""
    ended = as_it_was(session.left(), confirmed=True, same_boot=False, now_ns=5)

    assert 20_000 - ended.delivered_ms == ended.unknown_ms


@pytest.mark.parametrize(
    ("started", "confirmed", "outcome"),
    [(True, True, "faulted"), (True, False, "unconfirmed"), (False, True, "stopped"), (False, False, "stopped")],
)
def test_its_end_is_called_what_it_is(session: Charted, outcome: str, *, started: bool, confirmed: bool) -> None:
    """Unconfirmed is never called anything better; a session that never started did no harm."""
    ended = as_it_was(session.left(started=started), confirmed=confirmed, same_boot=True, now_ns=session.now_ns)

    assert (outcome, REASON) == (ended.outcome, ended.reason)


def test_a_session_that_was_off_leaves_no_doubt(session: Charted) -> None:
    """Paused with off confirmed: whatever time passed, nothing was delivered in it."""
    session.pause()
    ended = as_it_was(session.left(), confirmed=True, same_boot=True, now_ns=session.now_ns + 60 * NS_PER_S)

    assert 0 == ended.unknown_ms


@pytest.mark.parametrize("upto", range(0, 40, 3))
def test_it_can_have_died_after_any_input(session: Charted, upto: int) -> None:
    """Recovery must not fail, whatever the moment: the next start depends on it."""
    ended = as_it_was(session.left(upto=upto), confirmed=True, same_boot=True, now_ns=session.now_ns)

    assert ended.delivered_ms + ended.unknown_ms <= 20_000


def test_a_request_without_a_setup_has_nothing_to_run_again() -> None:
    """A refused request that was cut off before its refusal: an end all the same."""
    left = Charted().left(started=False)
    requested = msgspec.json.decode(left.entries[0].data, type=SessionRequested)
    bare = msgspec.structs.replace(requested, setup=msgspec.Raw(b"null"))
    ended = as_it_was(
        msgspec.structs.replace(left, entries=(_entry(1, bare),)), confirmed=True, same_boot=True, now_ns=T0_NS
    )

    assert ("stopped", 0) == (ended.outcome, ended.delivered_ms)
