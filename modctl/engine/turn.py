"""One step of the core: what arrives, and what is done about it, on the books of this step."""

from collections.abc import Sequence
from typing import assert_never

import msgspec

from devices.model import NS_PER_MS, AccessorySeen, Ack, Fault, Identity, LinkFault, Off, Output, Sample
from modctl.engine import core_events as ce
from modctl.engine import events as ev
from modctl.engine.effects import Append, Command, PackSaid, Reply, Watch
from modctl.engine.pairs import PARTNER_REFUSED, starts
from modctl.engine.phases import SessionState, alarm, begin_ended
from modctl.engine.port import FrameHeld, LineLost, LineOpened, PermitLapsed, PortNews
from modctl.engine.servicing import Servicing, counted
from modctl.engine.session import begin, objection, wakeup_ns
from modctl.engine.state import PERMIT_NS, RENEW_ALONG_NS, PendingStop, SessionRun
from modctl.engine.unit import STOP_SWITCH, UnitState, UnitStatus, identity_problem, off_watch, reading
from modctl.records import Draft, OffConfirmed, StopPressed, UncommandedOutput, UnitAcknowledged, UnitIdentified


class Turn(Servicing):
    """What arrives from ports, people and time, and what is done about it."""

    # Units: what ports tell.

    def unit_news(self, name: str, news: PortNews) -> None:  # noqa: C901  # flat: one arm a kind of news
        """Route one thing that a port told of a unit."""
        unit = self._units[name]
        match news:
            case Sample():
                self._on_sample(unit, news)
            case Ack():
                if unit.off_watch is not None:
                    self._set(unit, off_watch=unit.off_watch.acked(news, self._now_ns))
                self._tell_session(unit, ev.Acked(ack=news))
            case Identity():
                self._on_identity(unit, news)
            case LinkFault():
                self._set(unit, link_faults=counted(unit.link_faults, news.fault))
                self._tell_session(self._units[name], ev.LinkFaulted(fault=news))
            case AccessorySeen():
                self.on_accessory(unit, news)
            case LineOpened():
                self._set(unit, line_open=True, identity=None, line_reason="")
            case LineLost():
                self._set(unit, line_open=False, identity=None, line_reason=news.why, sample=None)
                fault = LinkFault(at_ns=news.at_ns, fault=Fault.LOST, detail=news.code)
                self._tell_session(self._units[name], ev.LinkFaulted(fault=fault))
            case FrameHeld():
                self._on_frame_held(unit, news)
            case PermitLapsed():
                self._set(unit, permit=None)
                self._tell_session(self._units[name], ev.HostStalled(by_ms=PERMIT_NS // NS_PER_MS))
            case _:
                assert_never(news)

    def _on_identity(self, unit: UnitState, identity: Identity) -> None:
        problem = identity_problem(unit.config, identity, simulated_site=self._state.simulated)
        before = unit.identity
        exchanged = before is not None and (before.serial, before.model) != (identity.serial, identity.model)
        self._set(unit, identity=identity, mismatch=problem)
        record = UnitIdentified(
            unit=unit.config.name,
            model=identity.model,
            serial=identity.serial,
            firmware=identity.firmware,
            simulated=self._state.simulated or identity.is_simulator,
            matches=not problem,
        )
        self._append(record)
        if problem or exchanged:
            fault = LinkFault(at_ns=identity.at_ns, fault=Fault.MISMATCH, detail=problem or "another unit answers")
            self._tell_session(self._units[unit.config.name], ev.LinkFaulted(fault=fault))

    def _on_frame_held(self, unit: UnitState, news: FrameHeld) -> None:
        self._set(unit, permit=None)
        if unit.session is not None:
            self._tell_session(self._units[unit.config.name], ev.GateBroken(why=news.why))
        else:
            self._latch(unit.config.name, f"frame_held:{news.why}")

    def _on_sample(self, unit: UnitState, sample: Sample) -> None:
        name = unit.config.name
        watch = unit.off_watch.sampled(sample) if unit.off_watch is not None else None
        off_seen = unit.off_seen + 1 if sample.output is Output.OFF else 0
        switch = unit.with_switch(sample)
        self._set(
            unit,
            sample=sample,
            off_watch=watch,
            off_seen=off_seen,
            switch_is_pressed=switch.switch_is_pressed,
            switch_tested_ns=switch.switch_tested_ns,
        )
        if watch is not None and watch.is_confirmed:
            self._settle_off(name, off=True, after_ms=(self._now_ns - watch.since_ns) // NS_PER_MS)
        self._tell_witnessed(name, sample)
        run = self._live_run(unit)
        if run is not None:
            self._feed(run, ev.SampleArrived(sample=sample))
        elif sample.output is Output.OFF:
            self._note_late_off(self._units[name])
        elif self._may_be_energized_by_nobody(unit):
            self._on_uncommanded(unit, sample)

    def _tell_witnessed(self, witness: str, sample: Sample) -> None:
        """What an instrument reads concerns the session of the unit that it stands beside."""
        for unit in tuple(self._units.values()):
            if unit.config.witness == witness:
                said = reading(unit.config.profile, sample)
                self._tell_session(unit, ev.WitnessSaid(at_ns=sample.at_ns, value=said))

    def _may_be_energized_by_nobody(self, unit: UnitState) -> bool:
        is_settled = unit.off_doubt_ns is None and unit.off_watch is None
        return is_settled and not unit.config.profile.is_monitored  # a tank is hot all day

    def _note_late_off(self, unit: UnitState) -> None:
        if unit.off_doubt_ns is None or unit.off_seen < unit.config.profile.off.confirm_samples:
            return
        after_ms = (self._now_ns - unit.off_doubt_ns) // NS_PER_MS
        self._set(unit, off_doubt_ns=None)
        self._effects.append(Watch(unit=unit.config.name, closely=False))
        self._append(OffConfirmed(unit=unit.config.name, after_ms=after_ms))

    def _on_uncommanded(self, unit: UnitState, sample: Sample) -> None:
        name = unit.config.name
        self._effects.append(Command(unit=name, setpoint=Off()))
        if sample.output is Output.UNKNOWN or not unit.line_open:
            return
        self._set(unit, off_doubt_ns=self._now_ns)
        self._effects.append(Watch(unit=name, closely=True))
        self._append(UncommandedOutput(unit=name, observed=sample.values))
        self._append(alarm("uncommanded_output", "high"))
        self._latch(name, "uncommanded_output")

    # Sessions: what people ask.

    def begin(self, event: ce.Begin) -> None:
        """A new session, or the two of a combination, if their units are free; both or none."""
        halves = [(event.setup, event.requested)]
        if event.partner is not None:
            halves.append((event.partner.setup, event.partner.requested))
        problems = [
            self._why_not(self._units[setup.unit], is_bench=bool(setup.started.load)) for setup, _requested in halves
        ]
        problem = next((found for found in problems if found is not None), None)
        for (setup, requested), found in zip(halves, problems, strict=True):
            self._effects.append(Append(draft=Draft(data=requested, session=setup.session, actor=event.actor)))
            if problem is None and setup is event.setup:
                opened = (Draft(data=one, session=setup.session, actor=event.actor) for one in event.overrides)
                self._effects.extend(Append(draft=draft) for draft in opened)
            if problem is not None:
                code = PARTNER_REFUSED if found is None else found[0]
                self._effects.extend(begin_ended(setup.session, event.actor, code, setup.planned_ns))
        session, partner = event.setup.session, None if event.partner is None else event.partner.setup.session
        if problem is not None:
            code, text = problem
            self._effects.append(Reply(request=event.request, code=code, reason=text, session=session))
            return
        for setup, _requested in halves:
            self._forget_old(setup.unit)
            leads = partner is not None and setup.session == session
            run = SessionRun(
                state=begin(setup, event.actor),
                inputs_from_ns=self._now_ns,
                partner=(partner if leads else session) if partner is not None else "",
                leads=leads,
            )
            self._sessions[setup.session] = run
            self._set(self._units[setup.unit], session=setup.session)
            self._warn_of_tank(self._units[setup.unit], setup.session)
        self._effects.append(Reply(request=event.request, session=session, partner=partner))

    def _why_not(self, unit: UnitState, *, is_bench: bool) -> tuple[str, str] | None:
        name = unit.config.name
        if unit.config.profile.is_monitored:
            return "unit_monitored", f"{name} is a {unit.config.profile.device.role}: no session starts or stops it."
        if self._state.chart_broken:
            return "chart_broken", f"The chart cannot be written: {self._state.chart_broken}. No session starts."
        match unit.status_beneath_hold if is_bench else unit.status:
            case UnitStatus.READY:
                return self._tank_problem(unit)
            case UnitStatus.IN_SESSION:
                return "unit_in_session", f"{name} is in a session; one session a unit."
            case UnitStatus.LATCHED:
                return "unit_latched", f"{name} is out of use ({unit.reason}). Look at it, then acknowledge it."
            case status:
                return f"unit_{status}", f"{name} is {status}: {unit.reason}."

    def refuse(self, event: ce.Refuse) -> None:
        """A request that did not get as far as a session."""
        draft = Draft(data=event.requested, session=event.session, actor=event.actor)
        ended = begin_ended(event.session, event.actor, event.refused, event.requested.planned_ms * NS_PER_MS)
        self._effects.extend([Append(draft=draft), *ended])
        if event.partner is not None:
            other, planned_ns = event.partner, event.partner.requested.planned_ms * NS_PER_MS
            draft = Draft(data=other.requested, session=other.session, actor=event.actor)
            ended = begin_ended(other.session, event.actor, other.refused, planned_ns)
            self._effects.extend([Append(draft=draft), *ended])
        refused = event.refused
        self._effects.append(
            Reply(
                request=event.request,
                code=refused.reason,
                reason=event.text,
                limit=refused.limit,
                session=event.session,
            )
        )

    def to_session(self, event: ce.ToSession) -> None:
        """A person's act, unless something speaks against it."""
        run = self._sessions.get(event.session)
        if run is None:
            self._effects.append(
                Reply(request=event.request, code="unknown_session", reason="No such session is open.")
            )
            return
        problem = objection(run.state, event.event) or self._unit_objection(run.state, event.event)
        problem = problem or self._pair_objection(run, event.event)
        if problem is not None:
            self._effects.append(Reply(request=event.request, code="not_now", reason=problem, session=event.session))
            return
        self._feed(run, event.event)
        self._effects.append(Reply(request=event.request, session=event.session))

    def _unit_objection(self, state: SessionState, event: ev.SessionEvent) -> str | None:
        unit = self._units[state.setup.unit]
        if isinstance(event, ev.Answered) and event.gate == STOP_SWITCH:
            return self._switch_objection(unit, state, event)
        problem = super()._unit_objection(state, event)
        head = state.setup.started.head
        if problem is None and starts(event) and head and unit.accessory and unit.accessory != head:
            return f"Head {head} was confirmed, but {unit.accessory} is plugged in now. Nothing was started."
        return problem

    def _switch_objection(self, unit: UnitState, state: SessionState, event: ev.Answered) -> str | None:
        """*Tested*, said by a person now, needs a press and a release that the unit has told of since the request."""
        is_claimed = event.answer == "tested" and event.source == "person" and event.age_s == 0
        if not is_claimed or not unit.tells_switch:
            return None
        if unit.switch_tested_ns is not None and unit.switch_tested_ns >= state.setup.begun_ns:
            return None
        seen = "it is pressed now: let go" if unit.switch_is_pressed else "it has not been seen pressed and let go"
        return f"{unit.config.name} reports its stop switch, and {seen}. Hold it for a second, let go, answer again."

    def stop_units(self, event: ce.StopUnits) -> None:
        """Off first, to whatever is named; then the record that somebody asked."""
        targets, first = self._stop_targets(event), len(self._effects)
        for name in targets:
            unit = self._units[name]
            run, is_live = self._run_of(unit), self._live_run(unit) is not None
            if run is not None:
                self._feed(run, ev.StopAsked(actor=event.actor, source=event.source, fast=event.fast))
            if not is_live and not unit.config.profile.is_monitored:
                self._effects.append(Command(unit=name, setpoint=Off()))
            if unit.off_watch is None:  # pressing again puts nothing off
                self._set(unit, off_watch=off_watch(unit.config.profile, self._now_ns))
            self._effects.append(Watch(unit=name, closely=True))
        self._off_before_the_rest(first)
        named = event.unit or (targets[0] if event.session and targets else None)
        self._append(StopPressed(unit=named, source=event.source), actor=event.actor)
        if event.request is not None:
            self._stops = (*self._stops, PendingStop(request=event.request, waiting=tuple(targets)))
        for name in targets:
            unit = self._units[name]
            if unit.config.profile.is_by_hand:  # nobody waits at a command for a person's hands
                self._settle_off(name, off=unit.is_known_off(self._now_ns), after_ms=None)
            elif not unit.line_open or unit.config.profile.is_monitored:
                self._settle_off(name, off=False, after_ms=None)
        self._answer_stops()

    def _stop_targets(self, event: ce.StopUnits) -> list[str]:
        if event.session is not None:
            run = self._sessions.get(event.session)
            return [] if run is None else [run.state.setup.unit, *self._unit_beside(event.session)]
        if event.unit is not None:
            known = self._units.get(event.unit)
            return [] if known is None else [event.unit, *self._unit_beside(known.session)]
        return [name for name, unit in self._units.items() if not unit.config.profile.is_monitored]

    def acknowledge(self, event: ce.AcknowledgeUnit) -> None:
        """Clear a latch, with off confirmed or with a statement."""
        unit = self._units.get(event.unit)
        if unit is None or not unit.latched:
            self._effects.append(
                Reply(request=event.request, code="not_latched", reason=f"{event.unit} has nothing to acknowledge.")
            )
            return
        confirmed = unit.is_known_off(self._now_ns)
        if not confirmed and not event.statement:
            text = f"Off is not confirmed on {event.unit}. State that the patient is disconnected and the power is cut."
            self._effects.append(Reply(request=event.request, code="off_not_confirmed", reason=text))
            return
        self._set(unit, latched="", off_doubt_ns=None)
        record = UnitAcknowledged(unit=event.unit, off_confirmed=confirmed, statement=event.statement)
        self._append(record, actor=event.actor)
        if unit.config.profile.is_by_hand:
            self._effects.append(PackSaid(unit=event.unit, is_on=False))
        self._effects.append(Reply(request=event.request))

    def durable(self, session: str, what: str) -> None:
        """What a session waits for is on the disk. A combination starts when both of its starts are."""
        run, other = self._sessions.get(session), self._partner_of(session)
        if run is None or other is None or what != "started":
            self._feed_named(session, ev.Charted(what=what))
            return
        self._sessions[session] = msgspec.structs.replace(run, start_is_durable=True)
        if other.start_is_durable:
            self._feed_named(run.partner, ev.Charted(what=what))
            self._feed_named(session, ev.Charted(what=what))

    def screen_lost(self, session: str, why: str) -> None:
        """The screen that attends a session is gone."""
        self._feed_named(session, ev.AttendanceLost(why=why))

    # What concerns every session.

    def writer_lag(self, by_ms: int) -> None:
        """The chart writer is behind."""
        self._state = msgspec.structs.replace(self._state, writer_late_ms=by_ms)
        self._feed_all(ev.WriterLate(by_ms=by_ms))

    def chart_broken(self, why: str) -> None:
        """The chart cannot be written: every session stops, none starts."""
        self._state = msgspec.structs.replace(self._state, chart_broken=why)
        self._feed_all(ev.ChartFailed(why=why))

    def stalled(self, by_ms: int, slept_ms: int) -> None:
        """The machine slept or the engine was late."""
        self._feed_all(ev.HostStalled(by_ms=by_ms, slept_ms=slept_ms))

    def pass_time(self) -> None:
        """Deadlines, permits and buffers that are due now."""
        for session in tuple(self._sessions):
            run = self._sessions.get(session)
            if run is not None and run.wakeup_ns <= self._now_ns and wakeup_ns(run.state) <= self._now_ns:
                self._feed(run, ev.Ticked())
        stirred = self._stirred()
        for unit in [self._units[name] for name in stirred]:
            if unit.permit is not None and unit.renew_ns - RENEW_ALONG_NS <= self._now_ns:
                self._renew(unit)
            if unit.off_watch is not None and unit.off_watch.deadline_ns <= self._now_ns:
                self._settle_off(unit.config.name, off=False, after_ms=None)
        units = [self._units[name] for name in stirred]
        self.look_after_tanks(units)
        self.remind_of_units(units)
        for session, run in tuple(self._sessions.items()):
            if run.flush_ns <= self._now_ns:
                self._flush(session)

    def _stirred(self) -> Sequence[str]:
        """The units of which something changed in this step, or whose time has come."""
        before, now_ns = self._state.units, self._now_ns
        return [name for name, unit in self._units.items() if unit is not before.get(name) or unit.wakeup_ns <= now_ns]
