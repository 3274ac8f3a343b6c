"""A little clinic that answers as a controller would, in real time: to look at, and for tests on a real terminal.

It plays; it holds no limit and proves nothing.
"""

import asyncio
import contextlib
from pathlib import Path

import msgspec

from devices.model import Direction
from modctl import sentences
from modctl.clock import SystemClock
from modctl.ipc.hands import AlarmView
from modctl.ipc.messages import (
    Answer,
    Done,
    ListPatients,
    ListPresets,
    ListSessions,
    Pause,
    Refused,
    Request,
    Resume,
    SessionView,
    SignIn,
    Snapshot,
    Start,
    Step,
    Stop,
)
from tests.tui.fakes import (
    AFTER,
    GATES,
    PATIENTS,
    PRESETS,
    UNITS,
    FakeClient,
    asked,
    message_id,
    second_session,
    session,
    unit,
)

STEP_S = 0.1
STEP_MS = 100
PIN = "1234"
# What a name may hold if nobody made it safe: a clipboard write, an answer-back, 8-bit control, a reversed direction.
HOSTILE = "Eve\x1b]52;c;cm0gLXJm\x07\x1b[5n\x9b31m\u202e\x00\x08\x7fSample"
URGENT = AlarmView(alarm="no_data", priority="high", text=sentences.alarm("no_data"), since_mono_ns=1)
PROMPT = AlarmView(alarm="coupling_lost", priority="medium", text=sentences.alarm("coupling_lost"), since_mono_ns=1)
CROWD = (
    session(session="S-3", unit="heat-1", patient_name="Eva Third", delivered_ms=580_000),
    second_session(session="S-4", unit="us-2", patient_name="Carl Fourth", alarms=(PROMPT,)),
    asked("sign", after=True, session="S-5", unit="cold-1", patient_name="Dora Fifth"),
)


class Story(FakeClient):
    """One unit that can be used, one session that runs already when ``busy``. Notes requests in a file."""

    def __init__(self, *, busy: bool, hostile: bool, log: Path | None, alarms: bool, crowd: bool) -> None:
        super().__init__(self._play)
        self._name = HOSTILE if hostile else "Ben Sample"
        self._clock = SystemClock()
        self._log = log
        self._views: dict[str, SessionView] = {}
        if busy:
            standing = (URGENT,) if alarms else ()
            self._views = {"S-2": second_session(delivered_ms=100_000, patient_name=self._name, alarms=standing)}
        if crowd:
            self._views |= {view.session: view for view in CROWD}
        self._task: asyncio.Task[None] | None = None
        self._note("ready")

    @classmethod
    async def dial(
        cls, *, busy: bool, hostile: bool, log: Path | None, alarms: bool = False, crowd: bool = False
    ) -> "Story":
        """Connect, and let time run."""
        story = cls(busy=busy, hostile=hostile, log=log, alarms=alarms, crowd=crowd)
        story._task = asyncio.get_running_loop().create_task(story._run())
        return story

    async def close(self) -> None:
        """Hang up."""
        await super().close()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def beat(self) -> None:
        """Note it."""
        await super().beat()
        self._note("Beat")

    async def _run(self) -> None:
        while True:
            self._views = {name: _lived(view) for name, view in self._views.items() if not view.closed or view.outcome}
            busy = {view.unit: view for view in self._views.values() if view.phase != "ended"}
            units = tuple(
                unit(**{**msgspec.structs.asdict(row), "state": "in-session" if row.name in busy else row.state})
                for row in UNITS
            )
            self.push(
                Snapshot(
                    seq=1,
                    mono_ns=self._clock.mono_ns(),
                    site="Hip clinic",
                    simulated=True,
                    units=units,
                    sessions=tuple(self._views.values()),
                )
            )
            self._note("Push")
            await asyncio.sleep(STEP_S)

    def _note(self, told: str) -> None:
        if self._log is not None:
            with self._log.open("a", encoding="utf-8") as file:
                file.write(f"{told}\n")

    def _play(self, message: Request) -> Done | Refused:
        number = message_id(message)
        self._note(
            type(message).__name__ + (f" {message.gate}={message.answer}" if isinstance(message, Answer) else "")
        )
        match message:
            case SignIn(pin=pin) if pin != PIN:
                return Refused(id=number, code="pin", reason="Name or PIN is wrong. Nothing was started.")
            case SignIn():
                return Done(id=number, role="therapist")
            case ListPatients():
                return Done(id=number, patients=PATIENTS)
            case ListPresets():
                return Done(id=number, presets=PRESETS)
            case ListSessions():
                return Done(id=number, sessions=())
            case Start():
                begun = session(
                    phase="checking", output="off", set_level=0, goal_level=0, commanded=None, delivered_ms=0,
                    gates=(*GATES, *AFTER), gate=GATES[0].gate,
                )  # fmt: skip
                self._views["S-1"] = begun
                return Done(id=number, session="S-1")
            case Stop():
                for name in [message.session] if message.session else list(self._views):
                    self._views[name] = _stopped(self._views[name])
                return Done(id=number, stopped=())
            case _:
                return self._change(message, number)

    def _change(self, message: Request, number: int) -> Done | Refused:
        name = getattr(message, "session", None)
        view = self._views.get(str(name))
        if view is None:
            return Done(id=number)
        match message:
            case Answer(gate=gate, answer=answer):
                view = _answered(view, gate, answer)
            case Step(direction=Direction.UP) if view.goal_level + view.person_step > view.level_max:
                return Refused(id=number, code="limit", reason="The level is at the most of this prescription.")
            case Step(direction=direction):
                step = {Direction.UP: view.person_step, Direction.DOWN: -view.person_step}.get(direction)
                goal = view.set_level if step is None else max(0, view.goal_level + step)
                view = msgspec.structs.replace(view, goal_level=goal)
            case Pause():
                view = msgspec.structs.replace(view, phase="paused", output="off", commanded=None)
            case Resume():
                view = msgspec.structs.replace(view, phase="running", output="energized", set_level=0, goal_level=0)
        self._views[str(name)] = view
        return Done(id=number)


def _lived(view: SessionView) -> SessionView:
    if view.phase != "running":
        return view
    toward = max(-STEP_MS, min(STEP_MS, view.goal_level - view.set_level))  # 1 mA in a second
    return msgspec.structs.replace(
        view,
        set_level=view.set_level + toward,
        commanded=view.set_level + toward,
        delivered_ms=view.delivered_ms + STEP_MS,
    )


def _stopped(view: SessionView) -> SessionView:
    if view.phase == "checking":
        return msgspec.structs.replace(
            view, phase="ended", outcome="stopped", reason="stop:screen", closed=True, gate=None
        )
    if view.phase == "ended":
        return view
    return msgspec.structs.replace(
        view, phase="ended", outcome="stopped", reason="stop:screen", output="off", commanded=None, off_after_ms=140,
        gate=AFTER[0].gate,
    )  # fmt: skip


def _answered(view: SessionView, gate: str, answer: str) -> SessionView:
    gates = tuple(
        msgspec.structs.replace(one, answered=answer if one.gate == gate else one.answered) for one in view.gates
    )
    before = {one.gate for one in GATES}
    wanted = [one.gate for one in gates if one.answered is None and (one.gate in before) == (view.phase == "checking")]
    changed = msgspec.structs.replace(view, gates=gates, gate=wanted[0] if wanted else None)
    if view.phase == "checking" and not wanted:
        return msgspec.structs.replace(changed, phase="running", output="energized", commanded=0)
    return msgspec.structs.replace(changed, closed=not wanted) if view.phase == "ended" else changed
