"""A scripted client and a clock that stands still: what the screens are tested against."""

import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec

from devices.model import NS_PER_MS, MonoNs
from modctl.clock import Stamp
from modctl.ipc.client import LOST, LostError
from modctl.ipc.messages import (
    Done,
    Event,
    GateView,
    PatientRow,
    PresetRow,
    Refused,
    Request,
    SessionView,
    Snapshot,
    UnitRow,
)
from modctl.records import EffectiveLimit, Quantity

Script = Callable[[Request], Done | Refused]


class HandClock:
    """Time that a test moves by hand."""

    def __init__(self, now_ns: int = 1_000_000_000_000) -> None:
        self.now_ns = now_ns

    def mono_ns(self) -> MonoNs:
        """The same until it is moved."""
        return MonoNs(self.now_ns)

    def stamp(self) -> Stamp:
        """The same moment on every clock."""
        return Stamp(at_utc="2026-03-02T09:41:00.000Z", mono_ns=self.now_ns, boottime_ns=self.now_ns, boot="boot")

    def advance_ms(self, ms: int) -> None:
        """Move on."""
        self.now_ns += ms * NS_PER_MS


class FakeClient:
    """Records every request, answers from a script, and sends the snapshots that a test gives it."""

    def __init__(self, script: Script | None = None) -> None:
        self.requests: list[Request] = []
        self.beats = 0
        self.is_lost = False
        self.is_closed = False
        self.stalls = False  # takes requests and answers none
        self._script = script or (lambda message: Done(id=message_id(message)))
        self._ids = 0
        self._snapshots: asyncio.Queue[Snapshot | None] = asyncio.Queue()
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()

    def next_id(self) -> int:
        """One more than the last."""
        self._ids += 1
        return self._ids

    async def request(self, message: Request) -> Done | Refused:
        """Record and answer."""
        if self.is_lost:
            raise LostError(LOST)
        self.requests.append(message)
        if self.stalls:
            await asyncio.get_running_loop().create_future()
        return self._script(message)

    async def snapshots(self) -> AsyncIterator[Snapshot]:
        """What the test pushes."""
        while (snapshot := await self._snapshots.get()) is not None:
            yield snapshot

    async def events(self) -> AsyncIterator[Event]:
        """What the test charts."""
        while (event := await self._events.get()) is not None:
            yield event

    async def beat(self) -> None:
        """Count."""
        self.beats += 1

    async def close(self) -> None:
        """Note it."""
        self.is_closed = True

    def push(self, snapshot: Snapshot) -> None:
        """The controller's newest state."""
        self._snapshots.put_nowait(snapshot)

    def chart(self, event: Event) -> None:
        """One committed entry."""
        self._events.put_nowait(event)

    def cut(self) -> None:
        """The connection is over."""
        self.is_lost = True
        self._snapshots.put_nowait(None)
        self._events.put_nowait(None)


def message_id(message: Request) -> int:
    """The number of a request; a beat has none."""
    return getattr(message, "id", 0)


CONFIRM_GATE = GateView(
    gate="confirm",
    title="Start?",
    text="estim-1: Pain after hip replacement: TENS 100 Hz.\nhip, lateral, right side, for Ada Example.\n"
    "current at most 30.0 mA, pulse rate 100 Hz, phase duration 100 µs, 15 min.",
    answers=(("not-yet", "Not yet"), ("start", "Start now")),
    closes=("not-yet",),
)

GATES = (
    GateView(
        gate="identify",
        title="Who is on the table?",
        text="Ask for the name and the birth date.\nThe record says: Ada Example, born 1956-03-12.",
        answers=(("confirmed", "Both are right, said by the patient"), ("not-confirmed", "Not sure, or somebody else")),
        closes=("not-confirmed",),
    ),
    GateView(gate="pain_before", title="Pain now, 0 to 10", text="0 is no pain.", answers=(), closes=(), maximum=10),
    CONFIRM_GATE,
)

AFTER = (
    GateView(gate="pain_after", title="Pain now, 0 to 10", text="0 is no pain.", answers=(), closes=(), maximum=10),
    GateView(
        gate="skin_after",
        title="Skin at the site",
        text="Everything is off. Take it away and look.",
        answers=(("intact", "As before"), ("reddened", "Reddened, fades when pressed")),
        closes=(),
    ),
    GateView(
        gate="followed_by",
        title="What followed",
        text="The modality prepares; what came after it?",
        answers=(("exercise", "Exercise or functional training"), ("nothing", "Nothing today")),
        closes=(),
    ),
    GateView(
        gate="sign",
        title="Sign",
        text="I was responsible for this session, and the record says what was done.",
        answers=(("signed", "I sign"), ("not-signed", "Not now")),
        closes=(),
    ),
)

LIMIT = EffectiveLimit(
    id="p24.current.max",
    kind="max",
    parameter="current_ua",
    bound=Quantity(50_000, "uA"),
    tier="hard",
    source="profile",
    mark="source",
)

_SESSION = SessionView(
    session="S-1",
    unit="estim-1",
    model="hasomed-p24",
    modality="estim",
    patient="P-001",
    patient_name="Ada Example",
    preset="hip-post-tha-tens",
    title="Pain after hip replacement: TENS 100 Hz",
    region="hip, lateral",
    side="right",
    phase="running",
    output="energized",
    simulated=True,
    attended=True,
    level_parameter="current_ua",
    set_level=12_500,
    goal_level=12_500,
    level_max=30_000,
    person_step=500,
    settings=(("period_us", 10_000), ("pulse_width_us", 100)),
    commanded=12_500,
    measured=None,
    observed_as="none",
    contact="good",
    planned_ms=900_000,
    delivered_ms=252_000,
    paused_ms=0,
    no_contact_ms=0,
    unknown_ms=0,
    age_ms=40,
    stale_ms=1_000,
    lease_ms=2_000,
    resting=False,
    rounds=0,
    gates=(*(msgspec.structs.replace(gate, answered="done") for gate in GATES), *AFTER),
    gate=None,
    alarms=(),
    limits=(LIMIT,),
    unknown_text="Take the electrodes off the patient; then switch the unit off.",
)

_UNIT = UnitRow(
    name="estim-1",
    model="hasomed-p24",
    modality="estim",
    model_class="clinic",
    address="run/bench/estim-1",
    state="ready",
    simulated=True,
    verified="simulator",
    lease_ms=2_000,
    serial="SIM-0001",
    firmware="1.1",
    output="off",
    level_parameter="current_ua",
)


def session(**changes: object) -> SessionView:
    """A running TENS session, changed as said."""
    return msgspec.structs.replace(_SESSION, **changes)


def second_session(**changes: object) -> SessionView:
    """A running ultrasound session of another patient, changed as said."""
    ultrasound: dict[str, object] = {
        "session": "S-2",
        "unit": "ultrasound-1",
        "model": "reference-ultrasound",
        "modality": "ultrasound",
        "patient": "P-002",
        "patient_name": "Ben Sample",
        "title": "Hip osteoarthritis: ultrasound 1 MHz",
        "side": "left",
        "level_parameter": "intensity_mw_cm2",
        "set_level": 1_000,
        "goal_level": 1_000,
        "level_max": 1_500,
        "commanded": 1_000,
        "measured": 980,
        "observed_as": "measured",
        "settings": (("frequency_khz", 1_000), ("duty_permille", 1_000)),
        "limits": (),
        "lease_ms": 500,
    }
    return session(**{**ultrasound, **changes})


def asked(gate: str | None, *, after: bool = False, **changes: object) -> SessionView:
    """A session whose next open question is ``gate`` (before the start, or after the end)."""
    gates = (*GATES, *AFTER)
    names = [one.gate for one in gates]
    until = len(gates) if gate is None else names.index(gate)
    answered = tuple(
        msgspec.structs.replace(one, answered=_first_answer(one) if at < until else None)
        for at, one in enumerate(gates)
    )
    over: dict[str, object] = {"phase": "ended", "outcome": "completed", "reason": "planned_time", "off_after_ms": 120}
    state: dict[str, object] = {
        "phase": "checking",
        "set_level": 0,
        "goal_level": 0,
        "delivered_ms": 0,
        **(over if after else {}),
        "output": "off",
        "commanded": None,
        "gates": answered,
        "gate": gate,
        "closed": after and gate is None,
    }
    return session(**{**state, **changes})


def _first_answer(gate: GateView) -> str:
    return gate.answers[0][0] if gate.answers else "5"


def unit(**changes: object) -> UnitRow:
    """A ready P24, changed as said."""
    return msgspec.structs.replace(_UNIT, **changes)


UNITS = (
    unit(),
    unit(name="ultrasound-1", model="reference-ultrasound", modality="ultrasound", serial="SIM-0003"),
    unit(name="traction-1", model="reference-traction", modality="traction", state="missing", output="unknown"),
    unit(name="heat-1", model="reference-heat", modality="heat", state="latched", reason="link_lost"),
)

PATIENTS = (
    PatientRow(ref="P-001", name="Ada Example", birth_date="1956-03-12"),
    PatientRow(ref="P-002", name="Ben Sample", birth_date="1971-11-02", side="left"),
)

PRESETS = (
    PresetRow(
        id="hip-post-tha-tens",
        modality="estim",
        models=("hasomed-p24",),
        title="Pain after hip replacement: TENS 100 Hz",
        approved=True,
        region="hip, lateral",
        side="right",
        planned_ms=900_000,
        levels=(("current_ua", 30_000), ("period_us", 10_000), ("pulse_width_us", 100)),
        source="a trial",
    ),
    PresetRow(
        id="hip-draft",
        modality="estim",
        models=("hasomed-p24",),
        title="A draft",
        approved=False,
        region="hip, lateral",
        side="right",
        planned_ms=600_000,
        levels=(("current_ua", 20_000),),
        source="nobody",
    ),
)


def snapshot(clock: HandClock, *sessions: SessionView, units: tuple[UnitRow, ...] = UNITS) -> Snapshot:
    """The controller's state at the clock's moment; a unit whose off was not confirmed is latched."""
    unconfirmed = {view.unit for view in sessions if view.phase == "unconfirmed"}
    rows = tuple(msgspec.structs.replace(row, state="latched") if row.name in unconfirmed else row for row in units)
    return Snapshot(seq=7, mono_ns=clock.now_ns, site="Hip clinic", simulated=True, units=rows, sessions=sessions)
