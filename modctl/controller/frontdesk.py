"""What needs the site's people and its library: signing in, lists, and preparing a session. One thread's work.

Rule 1: a PIN is hashed in a helper process; here it is only waited for.
Rule 2: everything that speaks against a request is found here, before the engine hears of it.
"""

import secrets
import select
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from devices import profile as profiles
from devices.limits import Limit, Mark, Max, Min
from modctl.clinic.gates import Who, during_gate, gate_text, gates_for, gates_with, shown
from modctl.clinic.library import load_library
from modctl.clinic.presets import Preset
from modctl.clock import Clock
from modctl.config import Narrowed, SiteConfig
from modctl.controller.accounts import Patient, People, PinCheck, SignInResult
from modctl.controller.combine import combine
from modctl.controller.prepare import NotPrepared, Order, prepare
from modctl.controller.reading import Cold, cold_rest_ms
from modctl.controller.snapshot import Card
from modctl.engine.core_events import Begin, Refuse
from modctl.engine.riding import cap
from modctl.engine.setup import Setup
from modctl.engine.unit import UnitState
from modctl.ipc.messages import Done, GateView, PatientRow, PresetRow, Refused, SignIn, Start, StartWith
from modctl.records import SignedIn

RESERVE_BYTES: Final = 64 << 20  # chosen: a day of sessions is a few megabytes; the rest is for the stop's own entries
PIN_MS: Final = 10_000  # chosen: a check takes 0.15 s; one that hangs is given up


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
        rows = (_patient_row(patient) for patient in self._people.patients())
        return Done(id=0, patients=tuple(rows))

    def presets(self, unit: str | None) -> Done | Refused:
        """The library, or what of it one unit can do."""
        entry = None if unit is None else self._site.unit(unit)
        if unit is not None and entry is None:
            return Refused(id=0, code="usage", reason=f"This site has no unit {unit!r}.")
        library = load_library(self._library)
        rows = (_preset_row(preset) for preset in library if entry is None or entry.model in preset.models)
        return Done(id=0, presets=tuple(rows))

    def begin(
        self, number: int, actor: str, request: Start, units: Mapping[str, UnitState], colds: Sequence[Cold] = ()
    ) -> tuple[Begin | Refuse, Card] | Refused:
        """Prepare a session: what the engine is to be told, and what the screens need to know of it.

        ``colds`` are the patient's last ones, from the chart.
        """
        found = self._order(request, request.unit, request.preset, units, colds)
        if isinstance(found, Refused):
            return found
        order, patient = found
        judged = prepare(order)
        if isinstance(judged, NotPrepared):
            refuse = Refuse(
                request=number,
                actor=actor,
                session=order.session,
                requested=judged.requested,
                refused=judged.refused,
                text=judged.text,
            )
            return refuse, _card(patient, order.preset, ())
        begin = Begin(request=number, actor=actor, setup=judged.setup, requested=judged.requested)
        order = msgspec.structs.replace(order, gates=judged.gates)
        return begin, _card(
            patient, order.preset, _gate_views(order, patient, judged.setup), _check_views(order, patient, judged.setup)
        )

    def begin_both(
        self,
        number: int,
        actor: str,
        request: Start,
        other: StartWith,
        units: Mapping[str, UnitState],
        colds: Sequence[Cold] = (),
    ) -> tuple[Begin | Refuse, Card, Card] | Refused:
        """Prepare a combination; the cards of its leading session and of its partner."""
        found = self._order(request, request.unit, request.preset, units, colds)
        if isinstance(found, Refused):
            return found
        second = self._order(request, other.unit, other.preset, units, colds)
        if isinstance(second, Refused):
            return second
        (lead, patient), (partner, _same) = found, second
        theirs = tuple((name, value) for name, value in request.set if _is_of(partner, name))
        ours = tuple(pair for pair in request.set if pair not in theirs)
        gates = gates_with(lead.preset.modality, partner.preset.modality)
        lead = msgspec.structs.replace(lead, asked=ours, gates=gates)
        partner = msgspec.structs.replace(partner, asked=theirs)
        event = combine(lead, partner, number, actor)
        if isinstance(event, Refuse) or event.partner is None:
            return event, _card(patient, lead.preset, ()), _card(patient, partner.preset, ())
        beside = _gate_views(partner, patient, event.partner.setup)
        views = _joined(_gate_views(lead, patient, event.setup), beside, partner.preset.title)
        return event, _card(patient, lead.preset, views), _card(patient, partner.preset, beside)

    def _order(
        self, request: Start, unit_name: str, preset_id: str, units: Mapping[str, UnitState], colds: Sequence[Cold]
    ) -> tuple[Order, Patient] | Refused:
        """What one half, or the only one, is judged by."""
        unit = units.get(unit_name)
        patient = self._people.patient(request.patient)
        preset = next((one for one in load_library(self._library) if one.id == preset_id), None)
        entry = self._site.unit(unit_name)
        if unit is None or entry is None:
            return Refused(id=0, code="usage", reason=f"This site has no unit {unit_name!r}.")
        if patient is None:
            return Refused(id=0, code="usage", reason=f"There is no patient {request.patient!r}.")
        if preset is None:
            return Refused(id=0, code="usage", reason=f"There is no preset {preset_id!r}.")
        refused = self._site_refusal(request)
        if refused is not None:
            return refused
        order = Order(
            session=self._new_session(),
            unit=unit,
            patient=patient.ref,
            side=patient.side,
            body_weight_g=patient.body_weight_g,
            preset=preset,
            gates=gates_for(preset.modality),
            asked=request.set,
            duration_ms=request.duration_ms,
            demonstration=request.file_answers,
            simulated_site=self._site.site.simulated,
            site_limits=site_limits(entry.limits),
            program=self._program,
            now_ns=self._clock.mono_ns(),
            witness=units.get(entry.witness),
            grace_ms=self._site.site.check_grace_s * 1_000,
            cold_rest_ms=cold_rest_ms(colds, preset.region, patient.side, self._now()),
        )
        return order, patient

    def _site_refusal(self, request: Start) -> Refused | None:
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
        return f"{self._now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def site_limits(narrowed: Mapping[str, Narrowed]) -> tuple[Limit, ...]:
    """A site's own bounds as limits of a session."""
    source = "site.toml"
    highest = (
        Max(id=f"site-{name}-max", parameter=name, bound=bounds.max, source=source, mark=Mark.CHOSEN)
        for name, bounds in narrowed.items()
        if bounds.max is not None
    )
    lowest = (
        Min(id=f"site-{name}-min", parameter=name, bound=bounds.min, source=source, mark=Mark.CHOSEN)
        for name, bounds in narrowed.items()
        if bounds.min is not None
    )
    return (*highest, *lowest)


def _card(patient: Patient, preset: Preset, gates: tuple[GateView, ...], checks: tuple[GateView, ...] = ()) -> Card:
    return Card(patient_name=patient.name, title=preset.title, gates=gates, checks=checks)


def _is_of(order: Order, name: str) -> bool:
    """A parameter of this half: a setting of its preset, or its level."""
    return name in order.preset.settings or name == order.unit.config.profile.level.name


def _joined(views: tuple[GateView, ...], beside: tuple[GateView, ...], title: str) -> tuple[GateView, ...]:
    """What is read back of a combination is read back of both halves."""
    theirs = {view.gate: f"With it: {view.text}" for view in beside if view.gate in ("placement", "confirm")}
    theirs["consent"] = f"With it: {title}."
    return tuple(
        msgspec.structs.replace(view, text=f"{view.text}\n{theirs[view.gate]}") if view.gate in theirs else view
        for view in views
    )


def _check_views(order: Order, patient: Patient, setup: Setup) -> tuple[GateView, ...]:
    """The questions that fall due while it runs."""
    checks = tuple(during_gate(check.gate.gate) for check in setup.checks)
    return _gate_views(msgspec.structs.replace(order, gates=checks), patient, setup)


def _gate_views(order: Order, patient: Patient, setup: Setup) -> tuple[GateView, ...]:
    preset = order.preset
    who = Who(name=patient.name, birth_date=patient.birth_date, side=patient.side)
    level = (setup.level.parameter, cap(setup.level))
    filled = shown(preset, who, setup.unit, level, setup.settings, setup.started.planned_ms, setup.level.start)
    return tuple(
        GateView(
            gate=gate.id,
            title=gate.title,
            text=gate_text(gate, filled),
            answers=gate.answers,
            closes=gate.closes,
            minimum=gate.minimum,
            maximum=gate.maximum,
        )
        for gate in order.gates
    )


def _patient_row(patient: Patient) -> PatientRow:
    return PatientRow(ref=patient.ref, name=patient.name, birth_date=patient.birth_date, side=patient.side)


def _preset_row(preset: Preset) -> PresetRow:
    level = profiles.load(preset.models[0]).level.name
    return PresetRow(
        id=preset.id,
        modality=preset.modality,
        models=preset.models,
        title=preset.title,
        approved=preset.approved,
        region=preset.region,
        side="",
        planned_ms=preset.duration_ms,
        levels=(*sorted(preset.settings.items()), (level, preset.cap)),
        source=preset.source,
    )


__all__ = ("FrontDesk", "site_limits")
