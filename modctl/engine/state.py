"""The engine's whole state, and one running session with the inputs that are not charted yet."""

import hashlib
from collections.abc import Mapping
from functools import cached_property

import msgspec

from devices.model import NEVER_NS, NS_PER_MS, NS_PER_S
from modctl.engine.effects import Append, SessionEffect
from modctl.engine.events import Answered, SessionEvent
from modctl.engine.phases import OVER, SessionState
from modctl.engine.session import wakeup_ns
from modctl.engine.unit import UnitState
from modctl.records import Draft, Inputs

FLUSH_NS = NS_PER_S  # house rule: one inputs entry per session and second
PERMIT_NS = 300 * NS_PER_MS  # house rule
RENEW_NS = 100 * NS_PER_MS  # house rule: two renewals may be lost
RENEW_ALONG_NS = 90 * NS_PER_MS  # chosen: so long before it is due, a renewal goes along with what arrives anyway


class SessionRun(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A session and what reached its reducer since the last ``inputs`` entry."""

    state: SessionState
    inputs: tuple[tuple[int, SessionEvent], ...] = ()
    inputs_from_ns: int = 0
    effects: tuple[bytes, ...] = ()  # canonical JSON of every effect the reducer returned for them
    partner: str = ""  # the other half of a combination; empty: none
    leads: bool = False  # the questions of the combination are asked here
    start_is_durable: bool = False
    given: tuple[Answered, ...] = ()  # answers in the leading half, for its partner

    @cached_property
    def wakeup_ns(self) -> int:
        """When the engine has to look at this session again if nothing reaches it before."""
        if self.state.phase in OVER:
            return NEVER_NS
        return min(wakeup_ns(self.state), self.flush_ns)

    @property
    def flush_ns(self) -> int:
        """When its inputs are charted at the latest; never, while there are none."""
        return self.inputs_from_ns + FLUSH_NS if self.inputs else NEVER_NS

    def fed(
        self, event: SessionEvent, now_ns: int, state: SessionState, effects: tuple[SessionEffect, ...]
    ) -> "SessionRun":
        """The run after one step of the reducer."""
        first_ns = self.inputs_from_ns if self.inputs else now_ns
        return msgspec.structs.replace(
            self,
            state=state,
            inputs=(*self.inputs, (now_ns - first_ns, event)),
            inputs_from_ns=first_ns,
            effects=(*self.effects, *(encode_effect(effect) for effect in effects)),
        )

    def flushed(self) -> tuple["SessionRun", Append]:
        """The run with an empty buffer, and the entry that holds what was in it."""
        entry = Inputs(
            from_ns=self.inputs_from_ns,
            events=msgspec.Raw(msgspec.json.encode(self.inputs)),
            effects=len(self.effects),
            effects_sha256=digest(self.effects),
        )
        draft = Draft(data=entry, session=self.state.setup.session)
        return msgspec.structs.replace(self, inputs=(), effects=()), Append(draft=draft, at_once=False)


class PendingStop(msgspec.Struct, frozen=True, kw_only=True):
    """A stop that somebody waits for."""

    request: int
    waiting: tuple[str, ...]
    done: tuple[tuple[str, bool, int | None], ...] = ()


class CoreState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything. The maps are replaced, never changed."""

    simulated: bool
    units: Mapping[str, UnitState]
    sessions: Mapping[str, SessionRun]
    stops: tuple[PendingStop, ...] = ()
    chart_broken: str = ""
    writer_late_ms: int = 0


def encode_effect(effect: SessionEffect) -> bytes:
    """Canonical bytes of one effect: what a later run of the same session must give again."""
    return msgspec.json.encode(effect, order="deterministic")


def digest(effects: tuple[bytes, ...]) -> str:
    """SHA-256 over the effects' bytes, each with a line feed behind it."""
    return hashlib.sha256(b"".join(effect + b"\n" for effect in effects)).hexdigest()
