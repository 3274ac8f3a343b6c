"""Two sessions that are one treatment: ultrasound, and stimulation through its head.

Rule 1: what ends one half ends the other in the same step, both Offs before anything else.
Rule 2: while the head is not on the skin, the stimulation through it is off; a person brings it back, from off, and
        only with the head in contact and its ultrasound running.
Rule 3: neither half is energized before the starts of both are durable.
Rule 4: the questions are asked in the leading session; what both halves ask is answered in both, by the same person.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from devices.model import Contact, Modality, Output
from modctl.engine import events as ev
from modctl.engine.books import Books
from modctl.engine.effects import Append
from modctl.engine.idle import unfit_to_start
from modctl.engine.machine import Outcome, Phase
from modctl.engine.phases import LIVE, OVER, SessionState
from modctl.engine.session import next_gate, objection
from modctl.engine.state import SessionRun
from modctl.engine.unit import UnitStatus, witness_problem
from modctl.engine.watching import breached
from modctl.records import Draft

# What the leading session's answer to a gate answers in its partner; a gate that is not named here is asked in both.
ANSWERS_IN_PARTNER: Final[Mapping[str, str | None]] = {"screening": None, "screening_with": "screening"}
ENDING: Final = (Phase.STOPPING, *OVER)
CONFIRM: Final = "confirm"
PARTNER_REFUSED: Final = "partner_refused"


class Pairs(Books):
    """The moves between the halves of a combination; a session without a partner passes through untouched."""

    def _feed(self, run: SessionRun, event: ev.SessionEvent) -> None:
        first, before = len(self._effects), run.state
        super()._feed(run, event)
        if not run.partner:
            return
        name = before.setup.session
        after = self._sessions[name].state
        self._tell_end(before, after, run.partner)
        self._tell_lift(before, after, run.partner)
        if isinstance(event, ev.PauseAsked):
            self._tell_live(run.partner, event)
        self._off_before_the_rest(first)
        if isinstance(event, ev.Answered) and run.leads:
            lead = self._sessions[name]
            self._sessions[name] = msgspec.structs.replace(lead, given=(*lead.given, event))
        self._answer_in_partner(name if run.leads else run.partner)

    def _tell_end(self, before: SessionState, after: SessionState, partner: str) -> None:
        """Ended together: the other half hears of it when this one begins to stop."""
        other = self._sessions.get(partner)
        if other is None or after.phase not in ENDING or before.phase in ENDING or other.state.phase in ENDING:
            return
        self._feed(other, ev.PartnerEnded(outcome=after.outcome or Outcome.STOPPED))

    def _tell_lift(self, before: SessionState, after: SessionState, partner: str) -> None:
        """A head in the air breaks the circuit that ends in it."""
        other = self._sessions.get(partner)
        if other is None or other.state.setup.modality != Modality.ESTIM or other.state.phase in ENDING:
            return
        if _is_lifted(after) and not _is_lifted(before):
            self._feed(other, ev.PartnerLifted())

    def _tell_live(self, partner: str, event: ev.SessionEvent) -> None:
        other = self._sessions.get(partner)
        if other is not None and other.state.phase in LIVE:
            self._feed(other, event)

    def _answer_in_partner(self, leading: str) -> None:
        """What was answered in the leading session and is the partner's next question too."""
        lead = self._sessions.get(leading)
        other = None if lead is None else self._sessions.get(lead.partner)
        gate = None if other is None else next_gate(other.state)
        if lead is None or other is None or gate is None:
            return
        given = next((one for one in lead.given if in_partner(one.gate) == gate.gate), None)
        answer = None if given is None else msgspec.structs.replace(given, gate=gate.gate)
        if answer is not None and objection(other.state, answer) is None:
            self._feed(other, answer)

    def _pair_objection(self, run: SessionRun, event: ev.SessionEvent) -> str | None:
        """What the other half has against a person's act; None when it has nothing."""
        other = self._sessions.get(run.partner)
        if other is None:
            return None
        match event:
            case ev.Answered(gate=gate) if not run.leads and _is_asked_by(other, gate):
                return f"{gate!r} is answered in the session on {other.state.setup.unit}: the two are one treatment."
            case ev.Answered(gate=gate) if gate == CONFIRM and run.leads:
                return self._not_ready(other, event)
            case ev.ResumeAsked() if run.state.setup.modality == Modality.ESTIM and not _carries(other.state):
                return "The head is not in contact with its ultrasound running. Bring that back first."
            case _:
                return None

    def _not_ready(self, other: SessionRun, confirm: ev.Answered) -> str | None:
        """Both halves or none: one confirmation starts two units."""
        gate, unit = next_gate(other.state), other.state.setup.unit
        if gate is None or gate.gate != CONFIRM:
            return f"{unit} is not ready: {'it is over' if gate is None else gate.gate}. Nothing was started."
        return self._unit_objection(other.state, confirm)

    def _unit_beside(self, session: str | None) -> Sequence[str]:
        """The unit of the other half, for what is done to both."""
        other = None if session is None else self._partner_of(session)
        return () if other is None or other.state.phase in OVER else (other.state.setup.unit,)

    def _unit_objection(self, state: SessionState, event: ev.SessionEvent) -> str | None:
        unit = self._units[state.setup.unit]
        if not starts(event):
            return None
        if (unit.status_beneath_hold if state.setup.started.load else unit.status) is not UnitStatus.IN_SESSION:
            return f"{unit.config.name} is {unit.status}: {unit.reason}. Nothing was started."
        found = None if unit.sample is None else unfit_to_start(state.setup, unit.sample)
        if found is not None:
            verdict, said = found
            self._effects.append(Append(draft=Draft(data=breached(verdict), session=state.setup.session)))
            return f"{said} Nothing was started."
        if not unit.is_known_off(self._now_ns):
            return f"{unit.config.name} is not known to be off. Nothing was started."
        return witness_problem(unit, self._units.get(unit.config.witness), self._now_ns) or None

    def _partner_of(self, session: str) -> SessionRun | None:
        run = self._sessions.get(session)
        return None if run is None else self._sessions.get(run.partner)


def starts(event: ev.SessionEvent) -> bool:
    """Something would be energized because of it."""
    return isinstance(event, ev.ResumeAsked) or (isinstance(event, ev.Answered) and event.gate == CONFIRM)


def in_partner(gate: str) -> str | None:
    """The partner's gate that an answer in the leading session answers; None when it is the leading session's alone."""
    return ANSWERS_IN_PARTNER.get(gate, gate)


def _is_lifted(state: SessionState) -> bool:
    sample = state.sample
    return sample is not None and (sample.contact is Contact.OPEN or sample.output is Output.SUSPENDED)


def _carries(state: SessionState) -> bool:
    """The head is on the skin, as far as its unit tells, and its ultrasound runs."""
    return state.phase is Phase.RUNNING and state.sample is not None and not _is_lifted(state)


def _is_asked_by(lead: SessionRun, gate: str) -> bool:
    """The leading session asks this too, before the start or after the end."""
    setup = lead.state.setup
    return any(in_partner(spec.gate) == gate for spec in (*setup.before, *setup.after))
