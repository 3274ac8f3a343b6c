"""Running a charted session again: the same inputs give the same decisions, anything else is found and named."""

import msgspec
import pytest

from devices.model import Fault, Output
from modctl.chart.body import decode_body, encode_body
from modctl.clock import Stamp
from modctl.engine.effects import Append
from modctl.engine.replay import NotReplayableError, replay
from modctl.records import Entry, Inputs, SessionRequested
from tests.unit.engine.made import ESTIM, T0_NS, setup
from tests.unit.engine.made_core import REQUESTED, Engine

STAMP = Stamp(at_utc="2026-11-23T09:00:00.000Z", mono_ns=0, boottime_ns=0, boot="made-up")


def session() -> list[Entry]:
    """A session that ran for two seconds and failed, as its chart has it."""
    engine = Engine()
    engine.start()
    for _ in range(20):
        engine.wait(100)
        if engine.session().riding.acked_ns is None:
            engine.ack()
        engine.see(Output.ENERGIZED)
    engine.fault(Fault.FROZEN)
    engine.confirm_off()
    drafts = [effect.draft for effect in engine.effects if isinstance(effect, Append) and effect.draft.session]
    entries = [decode_body(encode_body(seq, draft, STAMP)) for seq, draft in enumerate(drafts, start=1)]
    return [_with_setup(entry) for entry in entries]


def _with_setup(entry: Entry) -> Entry:
    """What preparing a request puts into it, and these made-up sessions do without."""
    if entry.kind != "session.requested":
        return entry
    named = setup(ESTIM, session="s-u1", unit="u1", begun_ns=T0_NS)
    requested = msgspec.structs.replace(REQUESTED, setup=msgspec.Raw(msgspec.json.encode(named)))
    return msgspec.structs.replace(entry, data=msgspec.Raw(msgspec.json.encode(requested)))


def test_an_untouched_session_replays_to_the_byte() -> None:
    """What was decided then is decided again."""
    replayed = replay(session())

    assert ("s-u1", True, None) == (replayed.session, replayed.same, replayed.first_difference)
    assert replayed.decisions > 10


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"output":"energized"', b'"output":"suspended"'),
        (b'"fault":"frozen"', b'"fault":"timeout"'),
        (b'"contact":"good"', b'"contact":"open"'),
    ],
)
def test_an_altered_input_is_found_at_the_entry_that_holds_it(before: bytes, after: bytes) -> None:
    """The first difference has the chart's own number."""
    entries = session()
    place = next(at for at, entry in enumerate(entries) if entry.kind == "inputs" and before in bytes(entry.data))
    altered = msgspec.Raw(bytes(entries[place].data).replace(before, after))
    entries[place] = msgspec.structs.replace(entries[place], data=altered)
    replayed = replay(entries)

    assert not replayed.same
    assert replayed.first_difference is not None
    assert replayed.first_difference >= entries[place].seq


@pytest.mark.parametrize("what", ["digest", "count"])
def test_altered_decisions_are_found_too(what: str) -> None:
    """A chart that claims other decisions than its inputs lead to."""
    entries = session()
    place = max(at for at, entry in enumerate(entries) if entry.kind == "inputs")
    inputs = msgspec.json.decode(entries[place].data, type=Inputs)
    wrong = (
        msgspec.structs.replace(inputs, effects_sha256="0" * 64)
        if what == "digest"
        else msgspec.structs.replace(inputs, effects=inputs.effects + 1)
    )
    entries[place] = msgspec.structs.replace(entries[place], data=msgspec.Raw(msgspec.json.encode(wrong)))

    assert entries[place].seq == replay(entries).first_difference


def test_a_time_that_was_altered_is_found() -> None:
    """A second more of treatment is another decision."""
    entries = session()
    place = [at for at, entry in enumerate(entries) if entry.kind == "inputs"][-2]
    inputs = msgspec.json.decode(entries[place].data, type=Inputs)
    later = msgspec.structs.replace(inputs, from_ns=inputs.from_ns + 10**9)
    entries[place] = msgspec.structs.replace(entries[place], data=msgspec.Raw(msgspec.json.encode(later)))

    assert not replay(entries).same


@pytest.mark.parametrize(
    ("kept", "says"),
    [
        ((), "no session.requested among the entries"),
        (("inputs",), "inputs come before any session.requested"),
        (("session.started", "session.ended"), "no session.requested among the entries"),
    ],
)
def test_without_its_beginning_a_session_cannot_be_replayed(kept: tuple[str, ...], says: str) -> None:
    """It is said, not guessed."""
    with pytest.raises(NotReplayableError, match=says):
        replay([entry for entry in session() if entry.kind in kept])


def test_a_request_that_was_refused_before_it_had_a_setup_is_not_replayable() -> None:
    """There was no reducer to run."""
    requested = SessionRequested(**msgspec.structs.asdict(REQUESTED))
    entry = msgspec.structs.replace(session()[0], data=msgspec.Raw(msgspec.json.encode(requested)))

    with pytest.raises(NotReplayableError, match="refused before it had a setup"):
        replay([entry])
