"""The board in words: who needs somebody first, and why."""

import pytest

from modctl import sentences
from modctl.cli.board import urgency, waits_for
from modctl.ipc.hands import AlarmView
from modctl.ipc.messages import DueView, GateView, SessionView
from tests.tui.fakes import asked, session

CHECK = GateView(gate="skin_check", title="Skin check", text="", answers=(("fine", "Fine"),), closes=())


def alarm(priority: str) -> tuple[AlarmView, ...]:
    """One alarm of so much urgency."""
    return (AlarmView(alarm="no_data", priority=priority, text=sentences.alarm("no_data"), since_mono_ns=1),)


ORDERED = (
    session(session="unknown", output="unknown"),
    session(session="high", alarms=alarm("high")),
    session(session="medium", alarms=alarm("medium")),
    session(session="late", due=DueView(gate=CHECK, since_mono_ns=0, late=True)),
    session(session="due", due=DueView(gate=CHECK, since_mono_ns=0, late=False)),
    asked("skin_after", after=True, session="asks"),
    session(session="soon", delivered_ms=890_000),
    session(session="later", delivered_ms=10_000),
)


def test_who_needs_somebody_first() -> None:
    """Unknown output before everything; then alarms, checks, questions, and the least time left."""
    shuffled = (*ORDERED[3:], *ORDERED[:3])
    found = [view.session for view in sorted(shuffled, key=urgency)]

    assert [view.session for view in ORDERED] == found


@pytest.mark.parametrize(
    ("view", "told"),
    [
        (ORDERED[1], f"HIGH ALARM: {sentences.alarm('no_data')}"),
        (ORDERED[3], "Skin check is LATE"),
        (ORDERED[4], "Skin check is due"),
        (ORDERED[5], "a question waits"),
    ],
)
def test_what_is_waited_for_is_said_in_words(view: SessionView, told: str) -> None:
    """No symbol, no colour: it is spoken."""
    assert (told,) == waits_for(view)
    assert () == waits_for(ORDERED[-1])
