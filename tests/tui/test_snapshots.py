"""Every screen as text, at the sizes that matter. ``MODCTL_UPDATE_SNAPSHOTS=1`` writes them anew: then look at them."""

import pytest

from modctl.ipc.messages import AlarmView, SessionView
from tests.tui.fakes import asked, second_session, session
from tests.tui.stage import Stage, compare, perform

SIZES = {"80x24": (80, 24), "132x43": (132, 43), "40x12": (40, 12)}
ALARM = AlarmView(
    alarm="contact_lost",
    priority="medium",
    text="An electrode lost contact. The output is off and stays off. Fix it; then resume, from off.",
    since_mono_ns=1,
)
URGENT = AlarmView(alarm="stale", priority="high", text="The unit has told nothing new in time.", since_mono_ns=2)

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
}


WIDE = ("two-running", "confirm", "closed", "unknown-while-running")
SMALL = ("two-running", "units")


@pytest.mark.parametrize(
    ("scene", "size"),
    [
        *((scene, "80x24") for scene in SCENES),
        *((scene, "132x43") for scene in WIDE),
        *((scene, "40x12") for scene in SMALL),
    ],
)
def test_each_screen_is_drawn_as_it_was_found_good(scene: str, size: str) -> None:
    """A change that moves a word on a screen is seen by a person before anybody treats with it."""

    async def act(stage: Stage) -> None:
        await stage.wait(0)  # the trace begins before the first snapshot: nothing is in it
        await stage.see(*SCENES[scene])
        await stage.wait(0)

        compare(f"{scene}-{size}", stage.text())

    perform(act, size=SIZES[size])
