"""What needs the site's people and its library: signing in, lists, and preparing a session. One thread's work.

Rule 1: a PIN is hashed in a helper process; here it is only waited for.
Rule 2: everything that speaks against a request is found here, before the engine hears of it.
"""

import secrets
import select
import shutil
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from devices.model import Modality, label
from modctl.clinic.bench import bench_gates, bench_preset
from modctl.clinic.gates import during_gate, gates_for, gates_with
from modctl.clinic.interlocks import Running
from modctl.clinic.library import load_library
from modctl.clinic.presets import Gate, Preset
from modctl.clinic.validity import (
    BODY_WEIGHT,
    BODY_WEIGHT_DAYS,
    Ask,
    Asking,
    Moment,
    Scene,
    Standing,
    arranged,
    standings,
    weight_age_days,
)
from modctl.clock import Clock
from modctl.config import SiteConfig
from modctl.controller.accounts import Patient, People, PinCheck, Role, SignInResult
from modctl.controller.asking import gate_views, patient_row, preset_row
from modctl.controller.checking import judged_check
from modctl.controller.colds import cold_rest_ms
from modctl.controller.combine import combine
from modctl.controller.doors import Opening
from modctl.controller.history import History
from modctl.controller.prepare import NotPrepared, Order, prepare
from modctl.controller.requests import event_of, for_a_file, interlocked, is_of, joined, repeated, site_limits
from modctl.controller.rights import AT_THE_TABLE
from modctl.controller.snapshot import Card
from modctl.controller.texts import Sealed, seal
from modctl.engine.core_events import Begin, RecordCheck, Refuse
from modctl.engine.setup import Setup
from modctl.engine.unit import UnitState
from modctl.errors import UsageError
from modctl.ipc.hands import OverrideAsk, StartWith
from modctl.ipc.messages import Done, Refused, SignIn, Start
from modctl.ipc.servicing import BenchRun, CheckUnit
from modctl.records import PatientWeighed, SignedIn

RESERVE_BYTES: Final = 64 << 20  # chosen: a day of sessions is a few megabytes; the rest is for the stop's own entries
BODY_WEIGHT_KG: Final = (10, 400)  # chosen: outside of it somebody mistyped; traction stands on this number
PIN_MS: Final = 10_000  # chosen: a check takes 0.15 s; one that hangs is given up


NOBODY: Final = Patient(ref="", name="", birth_date="", side="", body_weight_g=None)  # on the bench
NO_HISTORY: Final = History()


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """One soft limit that a person opens, and the reason in their words."""

    opening: Opening
    sealed: Sealed


class _Wish(msgspec.Struct, frozen=True, kw_only=True):
    """One session that is asked for, before it is judged."""

    order: Order
    patient: Patient
    standing: tuple[Standing, ...]


class FrontDesk:
    """Lists and preparations; used by the thread that made it. ``library`` is the folder of the site's presets.

    ``installed`` names the program that lies on the disk now; where it is not ``program`` any more, nothing is begun.
    """

    def __init__(
        self,
        people: Path,
        library: Path,
        site: SiteConfig,
        clock: Clock,
        program: str,
        installed: Callable[[], str] | None = None,
    ) -> None:
        self._people = People(people)
        self._library = library
        self._site = site
        self._clock = clock
        self._program = program
        self._installed = installed

    def close(self) -> None:
        """Close what is open."""
        self._people.close()

    def sign_in(self, request: SignIn, chart: Callable[[SignedIn], None]) -> Done | Refused:
        """Check who it is, chart that somebody tried, and give the role."""
        check = self._people.begin_sign_in(request.user, request.pin, self._now())
        result = self._waited_for(check) if isinstance(check, PinCheck) else check
        role = "" if result.role is None else str(result.role)
        chart(SignedIn(user=result.user, role=role, result=result.word))
        if result.role is None:
            return Refused(id=0, code=result.word, reason=result.sentence)
        return Done(id=0, role=result.role)

    def patients(self) -> Done:
        """All patients."""
        rows = (patient_row(patient) for patient in self._people.patients())
        return Done(id=0, patients=tuple(rows))

    def presets(self, unit: str | None) -> Done | Refused:
        """The library, or what of it one unit can do."""
        entry = None if unit is None else self._site.unit(unit)
        if unit is not None and entry is None:
            return Refused(id=0, code="usage", reason=f"This site has no unit {unit!r}.")
        library = load_library(self._library)
        rows = (preset_row(preset) for preset in library if entry is None or entry.model in preset.models)
        return Done(id=0, presets=tuple(rows))

    def opened(
        self, actor: str, asked: Sequence[OverrideAsk], chart: Callable[[SignedIn], None]
    ) -> tuple[Opened, ...] | Refused:
        """What a person writes to open soft limits, sealed; the second person is checked and charted as a sign-in."""
        found = []
        for ask in asked:
            sealed = seal(ask.reason)
            if not sealed.text:
                return _refused_opening(ask.limit, "override_reason", "takes a reason in words")
            problem = self._second_problem(actor, ask, chart)
            if problem is not None:
                return problem
            second = ask.second_user or None
            opening = Opening(limit=ask.limit, reason=sealed.commitment, second_person=second)
            found.append(Opened(opening=opening, sealed=sealed))
        return tuple(found)

    def _second_problem(self, actor: str, ask: OverrideAsk, chart: Callable[[SignedIn], None]) -> Refused | None:
        """Why these people may not open it; None when they may. One of them is a therapist."""
        first = self._people.user(actor)
        roles = {None if first is None else first.role}
        if ask.second_user:
            if ask.second_user == actor:
                return _refused_opening(ask.limit, "override_second_person", f"takes somebody else than {actor}")
            answer = self.sign_in(SignIn(id=0, user=ask.second_user, pin=ask.second_pin), chart)
            if isinstance(answer, Refused):
                return answer
            if answer.role not in AT_THE_TABLE:
                return _refused_opening(ask.limit, "override_second_person", "takes somebody who treats patients")
            roles.add(Role(answer.role))
        if Role.THERAPIST not in roles:
            return _refused_opening(ask.limit, "override_second_person", "is opened by a therapist, or with one")
        return None

    def keep(self, sealed: Sealed, about: str) -> None:
        """Keep what a person wrote, before its commitment goes to the chart."""
        self._people.keep(sealed, about)

    def forget(self, commitments: Sequence[str]) -> None:
        """What was written came to nothing: the chart holds no commitment to it."""
        for commitment in commitments:
            self._people.forget(commitment)

    def begin(  # noqa: PLR0913  # who asks for what, and what is known around it
        self,
        number: int,
        actor: str,
        request: Start,
        units: Mapping[str, UnitState],
        opened: Sequence[Opened] = (),
        *,
        history: History = NO_HISTORY,
        running: Sequence[Running] = (),
        chart: Callable[[PatientWeighed], None] = lambda _: None,
    ) -> tuple[Begin | Refuse, Card] | Refused:
        """Prepare a session: what the engine is to be told, and what the screens need to know of it.

        ``running`` are the sessions that are not over; ``chart`` takes a body weight that came with the request.
        """
        if history.last is not None:
            request = repeated(request, history.last)
        found = self._wish(request, request.unit, request.preset, units, history, chart)
        if isinstance(found, Refused):
            return found
        order = msgspec.structs.replace(found.order, openings=tuple(one.opening for one in opened))
        judged = interlocked(prepare(order), found.patient.ref, order.preset, running)
        event = event_of(number, actor, order.session, judged)
        if isinstance(event, Refuse) or isinstance(judged, NotPrepared):
            return event, Card(patient_name=found.patient.name, title=order.preset.title)
        for one in opened:
            self._people.keep(one.sealed, order.session)
        return event, self._card(found, history, judged.gates, judged.setup)

    def begin_both(  # noqa: PLR0913  # as for one
        self,
        number: int,
        actor: str,
        request: Start,
        other: StartWith,
        units: Mapping[str, UnitState],
        *,
        history: History = NO_HISTORY,
        running: Sequence[Running] = (),
        chart: Callable[[PatientWeighed], None] = lambda _: None,
    ) -> tuple[Begin | Refuse, Card, Card] | Refused:
        """Prepare a combination; the cards of its leading session and of its partner. It opens no soft limit."""
        if request.overrides:
            return Refused(id=0, code="usage", reason="A combination opens no soft limit. Nothing was started.")
        lead = self._wish(request, request.unit, request.preset, units, history, chart, beside=other.preset)
        if isinstance(lead, Refused):
            return lead
        partner = self._wish(request, other.unit, other.preset, units, history, chart)
        if isinstance(partner, Refused):
            return partner
        theirs = tuple((name, value) for name, value in request.set if is_of(partner.order, name))
        ours = tuple(pair for pair in request.set if pair not in theirs)
        one = msgspec.structs.replace(lead.order, asked=ours)
        two = msgspec.structs.replace(partner.order, asked=theirs)
        event = combine(one, two, number, actor, running)
        nothing = [Card(patient_name=lead.patient.name, title=order.preset.title) for order in (one, two)]
        if isinstance(event, Refuse) or event.partner is None:
            return event, nothing[0], nothing[1]
        beside = self._card(partner, history, two.gates, event.partner.setup)
        leading = self._card(lead, history, one.gates, event.setup)
        views = joined(leading.gates, beside.gates, two.preset.title)
        return event, msgspec.structs.replace(leading, gates=views), beside

    def _wish(  # as above
        self,
        request: Start,
        unit_name: str,
        preset_id: str,
        units: Mapping[str, UnitState],
        history: History,
        chart: Callable[[PatientWeighed], None],
        *,
        beside: str = "",
    ) -> "_Wish | Refused":
        """What one session, or one half of a combination, is judged by. ``beside``: the partner's preset."""
        unit, entry = units.get(unit_name), self._site.unit(unit_name)
        patient = self._people.patient(request.patient)
        library = {one.id: one for one in load_library(self._library)}
        preset = library.get(preset_id)
        if unit is None or entry is None:
            return Refused(id=0, code="usage", reason=f"This site has no unit {unit_name!r}.")
        if patient is None:
            return Refused(id=0, code="usage", reason=f"There is no patient {request.patient!r}.")
        if preset is None:
            return Refused(id=0, code="usage", reason=f"There is no preset {preset_id!r}.")
        refused = self._site_refusal(request)
        if refused is not None:
            return refused
        if request.body_weight_kg is not None and preset.modality is Modality.TRACTION:
            patient = self._weighed(patient, request.body_weight_kg, chart)
        if refused := self._weight_refusal(patient, preset):
            return refused
        standing = self._standings(request, patient, preset, history, library.get(beside))
        order = Order(
            session=self._new_session(),
            unit=unit,
            patient=patient.ref,
            side=patient.side,
            body_weight_g=patient.body_weight_g,
            preset=preset,
            gates=tuple(one.gate for one in standing),
            asked=request.set,
            duration_ms=request.duration_ms,
            demonstration=request.file_answers,
            simulated_site=self._site.site.simulated,
            site_limits=site_limits(entry.limits),
            program=self._program,
            now_ns=self._clock.mono_ns(),
            today=self._today(),
            needs_calibration=self._site.site.needs_calibration,
            head=request.head,
            must_attend=self._site.site.unattended == "stops",
            witness=units.get(entry.witness),
            grace_ms=self._site.site.check_grace_s * 1_000,
            cold_rest_ms=cold_rest_ms(history.colds, preset.region, patient.side, self._now()),
        )
        return _Wish(order=order, patient=patient, standing=standing)

    def _card(self, wish: "_Wish", history: History, gates: Sequence[Gate], setup: Setup) -> Card:
        """What the screens need; ``gates`` may hold questions that the preparation has added."""
        known = {one.gate.id: one for one in wish.standing}
        standing = tuple(known.get(gate.id, Standing(gate=gate, ask=Ask.ASK)) for gate in gates)
        checks = tuple(Standing(gate=during_gate(check.gate.gate), ask=Ask.ASK) for check in setup.checks)
        preset, unit = wish.order.preset, self._site.site.force_unit
        return Card(
            patient_name=wish.patient.name,
            title=preset.title,
            gates=gate_views(standing, preset, wish.patient, setup, unit),
            checks=gate_views(checks, preset, wish.patient, setup, unit),
            asked_ns=wish.order.now_ns,
            last_level=dict(history.levels).get(preset.id),
        )

    def begin_bench(
        self, number: int, actor: str, request: BenchRun, units: Mapping[str, UnitState]
    ) -> tuple[Begin | Refuse, Card] | Refused:
        """Prepare a session without a patient, on a named load."""
        unit, entry = units.get(request.unit), self._site.unit(request.unit)
        if unit is None or entry is None:
            return Refused(id=0, code="usage", reason=f"This site has no unit {request.unit!r}.")
        if not request.nobody_connected:
            why = "A bench run needs the statement that nobody is connected (--nobody-connected). Nothing was started."
            return Refused(id=0, code="refused", reason=why)
        preset = bench_preset(unit.config.profile, label(request.load), dict(request.set), request.duration_ms)
        if isinstance(preset, str):
            return Refused(id=0, code="usage", reason=preset)
        refused = self._site_refusal(request)
        if refused is not None:
            return refused
        order = Order(
            session=self._new_session(),
            unit=unit,
            patient="",
            side="",
            body_weight_g=None,
            preset=preset,
            gates=bench_gates(),
            asked=request.set,
            duration_ms=request.duration_ms,
            demonstration=False,
            simulated_site=self._site.site.simulated,
            site_limits=site_limits(entry.limits),
            program=self._program,
            now_ns=self._clock.mono_ns(),
            head=request.head,
            load=label(request.load),
        )
        event = event_of(number, actor, order.session, prepare(order))
        if isinstance(event, Refuse):
            return event, Card(patient_name="", title=preset.title)
        standing = tuple(Standing(gate=gate, ask=Ask.ASK) for gate in order.gates)
        views = gate_views(standing, preset, NOBODY, event.setup, self._site.site.force_unit)
        return event, Card(patient_name="", title=preset.title, gates=views)

    def check(
        self, number: int, actor: str, request: CheckUnit, units: Mapping[str, UnitState]
    ) -> RecordCheck | Refused:
        """Judge typed readings; what the engine is to record."""
        unit = units.get(request.unit)
        if unit is None:
            return Refused(id=0, code="usage", reason=f"This site has no unit {request.unit!r}.")
        judged = judged_check(request, unit, self._today(), self._site.site.calibration_days)
        if isinstance(judged, str):
            return Refused(id=0, code="usage", reason=f"{judged} Nothing was recorded.")
        checked = msgspec.structs.replace(judged, simulated=self._site.site.simulated or judged.simulated)
        return RecordCheck(request=number, actor=actor, checked=checked)

    def _standings(
        self, request: Start, patient: Patient, preset: Preset, history: History, beside: Preset | None
    ) -> tuple[Standing, ...]:
        """The session's gates in the order in which they are answered. A file carries nothing: it says what it says."""
        stamp = self._clock.stamp()
        asking = Asking(
            scene=Scene(
                patient=patient.ref,
                modality=preset.modality,
                region=preset.region,
                side=patient.side,
                unit=request.unit,
            ),
            now=Moment(at_utc=stamp.at_utc, boottime_ns=stamp.boottime_ns, boot=stamp.boot),
            timezone=self._site.site.timezone,
            days=self._site.site.gate_days,
            rom_is_goal=preset.goal == "range-of-motion",
        )
        gates = gates_for(preset.modality) if beside is None else gates_with(preset.modality, beside.modality)
        judged = standings(gates, history.earlier, asking)
        if request.file_answers:
            judged = tuple(for_a_file(one) for one in judged)
        return arranged(judged)

    def _weighed(self, patient: Patient, body_weight_kg: int, chart: Callable[[PatientWeighed], None]) -> Patient:
        low, high = BODY_WEIGHT_KG
        if not low <= body_weight_kg <= high:
            raise UsageError(f"A body weight of {body_weight_kg} kg: {low} to {high} are taken. Nothing was started.")
        weight_g, at_utc = body_weight_kg * 1_000, self._clock.stamp().at_utc
        self._people.weigh(patient.ref, weight_g, at_utc)
        chart(PatientWeighed(patient=patient.ref, body_weight_g=weight_g))
        return msgspec.structs.replace(patient, body_weight_g=weight_g, weighed_at_utc=at_utc)

    def _weight_refusal(self, patient: Patient, preset: Preset) -> Refused | None:
        """Traction is bounded by a part of the body's weight: without a weight of these days the gate is closed."""
        if preset.modality is not Modality.TRACTION:
            return None
        days = min(BODY_WEIGHT_DAYS, self._site.site.gate_days.get(BODY_WEIGHT, BODY_WEIGHT_DAYS))
        age = weight_age_days(patient.weighed_at_utc, self._clock.stamp().at_utc)
        if patient.body_weight_g is not None and age is not None and age < max(days, 1):
            return None
        known = "not known" if patient.body_weight_g is None else "of an unknown day"
        told = known if age is None or patient.body_weight_g is None else f"{age} days old, and {days} are allowed"
        why = f"The body weight of {patient.ref} is {told}. Weigh the patient and enter it. Nothing was started."
        return Refused(id=0, code=BODY_WEIGHT, reason=why)

    def _today(self) -> str:
        """The date at the site."""
        return self._now().astimezone(zoneinfo.ZoneInfo(self._site.site.timezone)).date().isoformat()

    def _site_refusal(self, request: Start | BenchRun) -> Refused | None:
        """What speaks against any session just now."""
        if request.file_answers and not self._site.site.simulated:
            why = "Answers come from a person: answer files work in simulated sites only. Nothing was started."
            return Refused(id=0, code="refused", reason=why)
        if self._installed is not None and self._installed() != self._program:
            why = f"This controller runs {self._program}, and its files were replaced since. Sessions that run go on;"
            return Refused(id=0, code="updated", reason=f"{why} end them, then start modctl serve again.")
        free = shutil.disk_usage(self._site.root).free
        if free < RESERVE_BYTES:
            why = f"The disk of the chart has {free >> 20} MiB left; a session needs {RESERVE_BYTES >> 20}."
            return Refused(id=0, code="disk", reason=f"{why} Nothing was started.")
        return None

    def _waited_for(self, check: PinCheck) -> SignInResult:
        poll = select.poll()
        poll.register(check, select.POLLIN | select.POLLHUP)
        if not poll.poll(PIN_MS):
            check.abandon()
            return self._people.finish_sign_in(check, self._now(), is_right=False)
        return self._people.finish_sign_in(check, self._now(), is_right=check.wait())

    def _now(self) -> datetime:
        return datetime.fromisoformat(self._clock.stamp().at_utc)

    def _new_session(self) -> str:
        """A name that is used once: when it was asked for, and enough chance for two in one second."""
        return f"{self._now():%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def _refused_opening(limit: str, code: str, why: str) -> Refused:
    return Refused(id=0, code=code, limit=limit, reason=f"{limit} {why}. Nothing was sent to the unit.")
