"""Repeat-last at the table: six keys from the patient's line to the start, and what is asked when one answer is old."""

import msgspec

from modctl.ipc.messages import (
    Answer,
    Done,
    GateView,
    ListPatients,
    ListSessions,
    Refused,
    Request,
    Round,
    SessionRow,
    SessionView,
    Start,
)
from modctl.records import RoundCheck
from tests.tui.fakes import CONFIRM_GATE, GATES, message_id, session, snapshot, unit
from tests.tui.stage import Stage, obliging, perform

IDENTIFY, PAIN, _ = GATES
CONSENT = GateView(
    gate="consent",
    title="Consent",
    text="Explain it.",
    answers=(("given", "The patient agrees"), ("declined", "The patient does not agree")),
    closes=("declined",),
    carried="given",
    age_s=720,
)
SCREENING = msgspec.structs.replace(
    CONSENT,
    gate="screening",
    title="Does one of these apply?",
    carried="none",
    answers=(("none", "No, none of these"),),
)
SKIN = GateView(
    gate="skin_before", title="Skin at the site", text="Look.", answers=(("intact", "Skin whole"),), closes=()
)
PLACEMENT = GateView(
    gate="placement", title="Placed", text="hip", answers=(("placed", "Placed"), ("not-done", "Not placed")), closes=()
)
PAIN_OR_NOT = msgspec.structs.replace(PAIN, answers=(("not-done", "Not done: cannot be said"),), minimum=0)
REPEATED = (IDENTIFY, CONSENT, SCREENING, PAIN_OR_NOT, SKIN, PLACEMENT, CONFIRM_GATE)

LAST = SessionRow(
    session="S-0",
    unit="estim-1",
    patient="P-001",
    preset="hip-post-tha-tens",
    started_at_utc="2026-03-02T09:20:00.000Z",
    outcome="completed",
    planned_ms=900_000,
    delivered_ms=900_000,
    simulated=True,
    overrides=0,
)


def remembering(message: Request) -> Done | Refused:
    """A controller that has seen the first patient before."""
    if isinstance(message, ListSessions):
        return Done(id=message_id(message), sessions=(LAST,))
    return obliging(message)


def preparing(gates: tuple[GateView, ...], answered: int) -> SessionView:
    """A session before its start, so many of its gates answered."""
    told = tuple(
        msgspec.structs.replace(gate, answered="done" if at < answered else None) for at, gate in enumerate(gates)
    )
    open_gate = gates[answered].gate if answered < len(gates) else None
    return session(phase="checking", output="off", commanded=None, gates=told, gate=open_gate)


def answers(stage: Stage) -> list[tuple[str, str, str]]:
    """What was answered: the gate, the answer, where it came from."""
    return [(one.gate, one.answer, one.source) for one in stage.requests(Answer) if isinstance(one, Answer)]


async def act_on(stage: Stage, gates: tuple[GateView, ...], keys: tuple[str, ...]) -> int:
    """From the patient's line on, one key after the other, as long as it takes; how many were pressed."""
    await stage.see()
    await stage.press("enter", "down")  # to the line: the cursor stood on nobody
    pressed = 0
    for key in keys:
        await stage.press(key)
        pressed += 1
        await stage.see(preparing(gates, len(answers(stage))))
        await stage.wait(600)  # keys do not count for half a second before a start
    return pressed


def test_from_the_patients_line_to_the_start_it_takes_six_keys() -> None:
    """Repeat, unchanged, pain, skin, placed, start: gloves are on, and the patient waits."""

    async def act(stage: Stage) -> None:
        pressed = await act_on(stage, REPEATED, ("r", "u", "4", "1", "1", "2"))

        assert 6 == pressed
        assert [("estim-1", "P-001", "", True)] == [
            (one.unit, one.patient, one.preset, one.repeat) for one in stage.requests(Start) if isinstance(one, Start)
        ]
        assert [
            ("identify", "confirmed", "person"),
            ("consent", "given", "carried"),
            ("screening", "none", "carried"),
            ("pain_before", "4", "person"),
            ("skin_before", "intact", "person"),
            ("placement", "placed", "person"),
            ("confirm", "start", "person"),
        ] == answers(stage)

    perform(act, script=remembering)


def test_what_holds_is_one_line_with_its_age() -> None:
    """A person says *unchanged* to something that stands before their eyes."""

    async def act(stage: Stage) -> None:
        await stage.bring(preparing(REPEATED, 1))

        assert "Consent: The patient agrees, 12 min ago" in stage.text()
        assert "Does one of these apply: No, none of these, 12 min ago" in stage.text()
        assert "Unchanged, all 2 (u)" in stage.text()

    perform(act)


def test_an_answer_that_is_too_old_is_asked_and_nothing_else() -> None:
    """One gate expired: the other one is still one key, that one is a question."""
    asked_anew = msgspec.structs.replace(SCREENING, carried=None, age_s=0)
    gates = (IDENTIFY, CONSENT, asked_anew, PAIN_OR_NOT, SKIN, PLACEMENT, CONFIRM_GATE)

    async def act(stage: Stage) -> None:
        await act_on(stage, gates, ("r", "u", "1", "4", "1", "1", "2"))

        assert ("consent", "given", "carried") == answers(stage)[1]
        assert ("screening", "none", "person") == answers(stage)[2]
        assert "confirm" == answers(stage)[-1][0]

    perform(act, script=remembering)


def test_an_answer_that_holds_can_be_asked_again() -> None:
    """The patient hesitates: then it is the question itself that is answered."""

    async def act(stage: Stage) -> None:
        await stage.bring(preparing(REPEATED, 1))
        await stage.press("2")
        await stage.see(preparing(REPEATED, 1))
        await stage.press("2")

        assert [("consent", "declined", "person")] == answers(stage)

    perform(act)


def test_a_number_that_cannot_be_measured_is_said_so_with_one_key() -> None:
    """*Not done* is always an answer; digits stay the quickest."""

    async def act(stage: Stage) -> None:
        await stage.bring(preparing(REPEATED, 3))
        await stage.press("n")

        assert [("pain_before", "not-done", "person")] == answers(stage)

    perform(act)


def test_a_missing_body_weight_is_entered_and_the_session_asked_for_again() -> None:
    """The gate is closed; one number opens it, and nothing else has to be chosen again."""

    def unweighed(message: Request) -> Done | Refused:
        if isinstance(message, Start) and message.body_weight_kg is None:
            return Refused(id=message.id, code="body_weight", reason="The body weight of P-001 is not known.")
        return remembering(message)

    async def act(stage: Stage) -> None:
        await stage.see()
        await stage.press("enter", "down", "r")
        asked = stage.text()
        await stage.press("8", "2", "enter")

        assert "Body weight in kg" in asked
        assert [None, 82] == [one.body_weight_kg for one in stage.requests(Start) if isinstance(one, Start)]

    perform(act, script=unweighed)


def test_the_stop_switch_is_seen_at_its_gate() -> None:
    """The person presses and looks: what the unit says of its switch stands beside the question."""
    switch = GateView(
        gate="stop_switch",
        title="Stop switch",
        text="Have it pressed and let go.",
        answers=(("tested", "Pressed and let go"), ("not-done", "Not done")),
        closes=("not-done",),
    )
    rows = (unit(stop_switch="pressed"),)

    async def act(stage: Stage) -> None:
        stage.client.push(snapshot(stage.clock, preparing((switch, CONFIRM_GATE), 0), units=rows))
        await stage.settle()
        await stage.press("tab")
        stage.client.push(snapshot(stage.clock, preparing((switch, CONFIRM_GATE), 0), units=rows))
        await stage.settle()

        assert "The unit says: pressed" in stage.text()

    perform(act)


def test_the_days_round_is_looked_at_and_signed_once() -> None:
    """What is open stands first; nothing is signed by looking, and one choice signs all of it."""
    checks = (
        RoundCheck(check="unit", subject="estim-1", result="ok", found="ready"),
        RoundCheck(check="stop_switch", subject="traction-1", result="open", found="not tested today"),
    )

    def rounding(message: Request) -> Done | Refused:
        return Done(id=message.id, checks=checks) if isinstance(message, Round) else obliging(message)

    async def act(stage: Stage) -> None:
        await stage.see()
        await stage.press("d")
        await stage.wait(1_200)
        lines = [line for line in stage.text().splitlines() if "traction-1" in line or "estim-1" in line]
        looked = {one.sign for one in stage.requests(Round) if isinstance(one, Round)}
        await stage.press("2")

        assert "OPEN" in lines[0]
        assert {None} == looked
        assert "open" in [one.sign for one in stage.requests(Round) if isinstance(one, Round)]
        assert "Signed: 1 open." in stage.text()
        assert "Which unit?" in stage.text()

    perform(act, script=rounding)


def test_the_list_of_patients_comes_though_it_was_asked_for_before_the_sign_in_was_through() -> None:
    """A quick hand on a busy machine must not stand before an empty list."""
    refusals = [Refused(id=0, code="sign_in", reason="Sign in first.")]

    def late(message: Request) -> Done | Refused:
        if isinstance(message, ListPatients) and refusals:
            return msgspec.structs.replace(refusals.pop(), id=message.id)
        return obliging(message)

    async def act(stage: Stage) -> None:
        await stage.see()
        await stage.press("enter")
        await stage.wait(300)

        assert "Ada Example" in stage.text()

    perform(act, script=late)
