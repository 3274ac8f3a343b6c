"""Run a charted session again: the same inputs through the same reducer must give the same decisions, to the byte."""

from collections.abc import Iterable

import msgspec

from modctl.engine.events import SessionEvent
from modctl.engine.phases import SessionState
from modctl.engine.session import begin, session_step
from modctl.engine.setup import Setup
from modctl.engine.state import digest, encode_effect
from modctl.records import Entry, Inputs, SessionRequested


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What running it again showed. ``first_difference`` is the chart's number of the first entry that differs."""

    session: str
    same: bool
    decisions: int
    first_difference: int | None


class NotReplayableError(Exception):
    """The entries do not hold a session from its request on; the text says what is missing."""


def replay(entries: Iterable[Entry]) -> Replayed:
    """One session's entries, in chart order. Raises NotReplayableError if its request is not among them."""
    state: SessionState | None = None
    session, decisions = "", 0
    for entry in entries:
        if entry.kind == "session.requested":
            requested = msgspec.json.decode(entry.data, type=SessionRequested)
            setup = msgspec.json.decode(requested.setup, type=Setup | None)
            if setup is None:
                raise NotReplayableError(f"{entry.session} was refused before it had a setup")
            session, state = setup.session, begin(setup, entry.actor)
        elif entry.kind == "inputs":
            if state is None:
                raise NotReplayableError("inputs come before any session.requested")
            inputs = msgspec.json.decode(entry.data, type=Inputs)
            state, given = _run(state, inputs)
            decisions += len(given)
            if (len(given), digest(given)) != (inputs.effects, inputs.effects_sha256):
                return Replayed(session=session, same=False, decisions=decisions, first_difference=entry.seq)
    if state is None:
        raise NotReplayableError("no session.requested among the entries")
    return Replayed(session=session, same=True, decisions=decisions, first_difference=None)


def _run(state: SessionState, inputs: Inputs) -> tuple[SessionState, tuple[bytes, ...]]:
    given: list[bytes] = []
    for delta_ns, event in msgspec.json.decode(inputs.events, type=tuple[tuple[int, SessionEvent], ...]):
        state, effects = session_step(state, event, inputs.from_ns + delta_ns)
        given.extend(encode_effect(effect) for effect in effects)
    return state, tuple(given)
