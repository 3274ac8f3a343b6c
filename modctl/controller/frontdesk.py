"""What needs the site's people and its library: signing in, lists, and preparing a session. One thread's work.

Rule 1: a PIN is hashed in a helper process; here it is only waited for.
Rule 2: everything that speaks against a request is found here, before the engine hears of it.
"""

import secrets
import select
import shutil
import zoneinfo
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from devices import profile as profiles
from devices.limits import Limit, Mark, Max, Min
from devices.model import label
from modctl.clinic.bench import bench_gates, bench_preset
from modctl.clinic.gates import Who, gate_text, gates_for, shown
from modctl.clinic.library import load_library
from modctl.clinic.presets import Gate, Preset
from modctl.clock import Clock
from modctl.config import Narrowed, SiteConfig
from modctl.controller.accounts import Patient, People, PinCheck, SignInResult
from modctl.controller.checking import judged_check
from modctl.controller.prepare import NotPrepared, Order, prepare
from modctl.controller.snapshot import Card
from modctl.engine.core_events import Begin, RecordCheck, Refuse
from modctl.engine.riding import cap
from modctl.engine.setup import Setup
from modctl.engine.unit import UnitState
from modctl.ipc.messages import Done, GateView, PatientRow, PresetRow, Refused, SignIn, Start
from modctl.ipc.servicing import BenchRun, CheckUnit
from modctl.records import SignedIn

RESERVE_BYTES: Final = 64 << 20  # chosen: a day of sessions is a few megabytes; the rest is for the stop's own entries
PIN_MS: Final = 10_000  # chosen: a check takes 0.15 s; one that hangs is given up


NOBODY: Final = Patient(ref="", name="", birth_date="", side="", body_weight_g=None)  # on the bench


class FrontDesk:
    """Lists and preparations; used by the thread that made it. ``library`` is the folder of the site's presets."""

    def __init__(self, people: Path, library: Path, site: SiteConfig, clock: Clock, program: str) -> None:
        self._people = People(people)
        self._library = library
        self._site = site
        self._clock = clock
        self._program = program

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
        self, number: int, actor: str, request: Start, units: Mapping[str, UnitState]
    ) -> tuple[Begin | Refuse, Card] | Refused:
        """Prepare a session: what the engine is to be told, and what the screens need to know of it."""
        unit = units.get(request.unit)
        patient = self._people.patient(request.patient)
        preset = next((one for one in load_library(self._library) if one.id == request.preset), None)
        entry = self._site.unit(request.unit)
        if unit is None or entry is None:
            return Refused(id=0, code="usage", reason=f"This site has no unit {request.unit!r}.")
        if patient is None:
            return Refused(id=0, code="usage", reason=f"There is no patient {request.patient!r}.")
        if preset is None:
            return Refused(id=0, code="usage", reason=f"There is no preset {request.preset!r}.")
        refused = self._site_refusal(request)
        if refused is not None:
            return refused
        gates = gates_for(preset.modality)
        order = Order(
            session=self._new_session(),
            unit=unit,
            patient=patient.ref,
            side=patient.side,
            body_weight_g=patient.body_weight_g,
            preset=preset,
            gates=gates,
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
        )
        return self._judged(number, actor, order, patient)

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
        return self._judged(number, actor, order, NOBODY)

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

    def _judged(self, number: int, actor: str, order: Order, patient: Patient) -> tuple[Begin | Refuse, Card]:
        found = prepare(order)
        if isinstance(found, NotPrepared):
            refuse = Refuse(
                request=number,
                actor=actor,
                session=order.session,
                requested=found.requested,
                refused=found.refused,
                text=found.text,
            )
            return refuse, _card(patient, order.preset, ())
        begin = Begin(request=number, actor=actor, setup=found.setup, requested=found.requested)
        return begin, _card(patient, order.preset, _gate_views(order.gates, order.preset, patient, found.setup))

    def _today(self) -> str:
        """The date at the site."""
        return self._now().astimezone(zoneinfo.ZoneInfo(self._site.site.timezone)).date().isoformat()

    def _site_refusal(self, request: Start | BenchRun) -> Refused | None:
        """What speaks against any session just now."""
        if request.file_answers and not self._site.site.simulated:
            why = "Answers come from a person: answer files work in simulated sites only. Nothing was started."
            return Refused(id=0, code="refused", reason=why)
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


def _card(patient: Patient, preset: Preset, gates: tuple[GateView, ...]) -> Card:
    return Card(patient_name=patient.name, title=preset.title, gates=gates)


def _gate_views(gates: tuple[Gate, ...], preset: Preset, patient: Patient, setup: Setup) -> tuple[GateView, ...]:
    who = Who(name=patient.name, birth_date=patient.birth_date, side=patient.side)
    level = (setup.level.parameter, cap(setup.level))
    filled = shown(preset, who, setup.unit, level, setup.settings, setup.started.planned_ms, setup.level.start)
    return tuple(
        GateView(
            gate=gate.id,
            title=gate.title,
            text=_with_head(gate, gate_text(gate, filled), setup.started.head),
            answers=gate.answers,
            closes=gate.closes,
            minimum=gate.minimum,
            maximum=gate.maximum,
        )
        for gate in gates
    )


def _with_head(gate: Gate, asked: str, head: str) -> str:
    """Where a site keeps heads, the one that is meant is read back before it touches anybody."""
    return (
        f"{asked}\nHead in the hand: serial number {head}." if head and gate.id in ("placement", "confirm") else asked
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
