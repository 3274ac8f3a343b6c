"""Every screen as text, at the sizes that matter. ``MODCTL_UPDATE_SNAPSHOTS=1`` writes them anew: then look at them."""

import msgspec
import pytest

from devices.model import Modality
from modctl.clinic.gates import Shown, gate_text, gates_for
from modctl.ipc.hands import AlarmView
from modctl.ipc.messages import GateView, SessionView
from tests.tui.fakes import asked, second_session, session
from tests.tui.stage import Stage, compare, perform

SIZES = {"80x24": (80, 24), "132x43": (132, 43), "40x12": (40, 12), "200x60": (200, 60), "60x15": (60, 15)}
ALARM = AlarmView(
    alarm="contact_lost",
    priority="medium",
    text="An electrode lost contact. The output is off and stays off. Fix it; then resume, from off.",
    since_mono_ns=1,
)
URGENT = AlarmView(alarm="stale", priority="high", text="The unit has told nothing new in time.", since_mono_ns=2)


def real_gates(modality: Modality) -> tuple[GateView, ...]:
    """The questions of the product, as long as they are."""
    shown = Shown(
        unit="traction-1",
        patient="Maximiliane Mustermann-Beispiel",
        born="1956-03-12",
        title="Hip osteoarthritis: intermittent long-axis traction",
        region="hip, long axis",
        side="right",
        placement="Harness above the knee, patient on the back, knee bent by 20 degrees, release in the hand.",
        values="pull up to 150 N",
        minutes="10 min",
    )
    return tuple(
        GateView(
            gate=gate.id,
            title=gate.title,
            text=gate_text(gate, shown),
            answers=gate.answers,
            closes=gate.closes,
            minimum=gate.minimum,
            maximum=gate.maximum,
        )
        for gate in gates_for(modality)
    )


def crowded(gate: str) -> tuple[SessionView, ...]:
    """Four tables, and the longest questions for the one that is prepared."""
    gates = real_gates(Modality.TRACTION)
    names = [view.gate for view in gates]
    answered = tuple(
        msgspec.structs.replace(
            view, answered=(view.answers[0][0] if view.answers else "4") if at < names.index(gate) else None
        )
        for at, view in enumerate(gates)
    )
    prepared = msgspec.structs.replace(
        asked("confirm"),
        gates=answered,
        gate=gate,
        unit="traction-1",
        model="reference-traction",
        title="Hip osteoarthritis: intermittent long-axis traction",
        region="hip, long axis",
        patient_name="Maximiliane Mustermann-Beispiel",
    )
    others = (session(session="S-3", unit="heat-1"), session(session="S-4", unit="cold-1", alarms=(ALARM,)))
    return (prepared, second_session(alarms=(URGENT,)), *others)


SCENES: dict[str, tuple[SessionView, ...]] = {
    "running": (session(),),
    "two-running": (session(), second_session()),
    "riding": (session(goal_level=14_000),),
    "resting": (session(resting=True, output="energized", commanded=0, rounds=3),),
    "paused-alarm": (session(phase="paused", output="off", commanded=None, reason="contact_lost", alarms=(ALARM,)),),
    "unknown": (session(phase="unconfirmed", output="unknown", alarms=(URGENT, ALARM), outcome="unconfirmed"),),
    "unknown-while-running": (session(output="unknown"), second_session(alarms=(URGENT,))),
    "old-sample": (session(age_ms=1_200),),
    "suspended": (second_session(output="suspended", contact="open", no_contact_ms=4_000),),
    "question": (asked("identify"),),
    "number": (asked("pain_before"),),
    "confirm": (asked("confirm"),),
    "after": (asked("skin_after", after=True),),
    "closed": (asked(None, after=True),),
    "units": (),
    "crowded-running": crowded("screening"),
    "crowded-screening": crowded("screening"),
    "crowded-confirm": crowded("confirm"),
}


WIDE = ("two-running", "confirm", "closed", "unknown-while-running")
# What comes to the front by a person's key alone, and the key.
CHOSEN = {
    "question": "tab",
    "number": "tab",
    "confirm": "tab",
    "after": "tab",
    "crowded-screening": "1",
    "crowded-confirm": "1",
}
SMALL = ("two-running", "units")


@pytest.mark.parametrize(
    ("scene", "size"),
    [
        *((scene, "80x24") for scene in SCENES),
        *((scene, "132x43") for scene in WIDE),
        *((scene, "40x12") for scene in SMALL),
        ("running", "200x60"),
        ("running", "60x15"),
    ],
)
def test_each_screen_is_drawn_as_it_was_found_good(scene: str, size: str) -> None:
    """A change that moves a word on a screen is seen by a person before anybody treats with it."""

    async def act(stage: Stage) -> None:
        await stage.wait(0)  # the trace begins before the first snapshot: nothing is in it
        if scene == "closed":
            await stage.bring(asked("sign", after=True))  # an end is shown to whoever has seen it come
        await stage.see(*SCENES[scene])
        if scene in CHOSEN:
            await stage.press(CHOSEN[scene])
            await stage.see(*SCENES[scene])
        await stage.wait(0)

        compare(f"{scene}-{size}", stage.text())

    perform(act, size=SIZES[size])
