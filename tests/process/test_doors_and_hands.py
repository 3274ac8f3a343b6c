"""Against a real controller: a soft limit opened, words kept, a session handed over, a lock, a signature, an incident.

One session carries the whole story, because starting processes is what takes the time.
"""

import subprocess
from pathlib import Path

import msgspec
import pytest

from devices.model import Direction
from modctl.chart.sqlite import open_writer
from modctl.controller.accounts import People, Role, User
from modctl.controller.pin_check import verifier_of
from modctl.ipc.client import BlockingClient
from modctl.ipc.hands import Lock, OpenIncident, OverrideAsk, SignSession, TakeOver
from modctl.ipc.messages import (
    Answer,
    Beat,
    Done,
    ListSessions,
    Refused,
    Request,
    SessionView,
    SignIn,
    Start,
    Step,
    Stop,
    Subscribe,
)
from tests.process.small_site import (
    ANSWERS,
    CLOCK,
    MODCTL,
    PIN,
    Controller,
    controller,
    data,
    entries,
    is_alive,
    lay_down,
    preset_of,
    simulators,
    truth,
    view,
)

START = Start(
    id=0,
    unit="estim-1",
    patient="P-1",
    preset=preset_of("estim-1"),
    set=(("pulse_width_us", 401),),
    duration_ms=60_000,
    file_answers=True,
)
WORDS, WHY = "worse after sitting", "wide pulse was comfortable last time"


def signed_in(made: Controller, user: str) -> BlockingClient:
    """A screen with this person at it."""
    client = made.client(attends=True)
    client.sign_in(user, PIN)
    client.request(Subscribe(id=client.next_id()))
    return client


def ask(client: BlockingClient, request: Request) -> str | None:
    """One request: None when it was done, else the word of its refusal."""
    answer = client.request(msgspec.structs.replace(request, id=client.next_id()))
    return answer.code if isinstance(answer, Refused) else None


def watch(client: BlockingClient, session: str, ms: int = 0) -> SessionView:
    """Be a screen that beats for so long; the newest view of the session."""
    until = CLOCK.mono_ns() + ms * 1_000_000
    while True:
        client.send(Beat())
        seen = view(client, session)
        if CLOCK.mono_ns() >= until:
            return seen


def sign_in_again(client: BlockingClient) -> None:
    """Unlock. Checking a PIN takes a while, and a screen beats meanwhile."""
    client.send(SignIn(id=99_999, user="kim", pin=PIN))
    while True:
        client.send(Beat())
        message = client.next_message(0.2)
        if isinstance(message, Done | Refused) and message.id == 99_999:
            assert isinstance(message, Done), message
            return


def until(client: BlockingClient, session: str, phase: str) -> SessionView:
    """Watch until the session's phase is this."""
    for _ in range(150):
        if (seen := watch(client, session)).phase == phase:
            return seen
    raise AssertionError(f"{phase} was not reached: {seen}")


def open_gates(client: BlockingClient, session: str) -> None:
    """Answer every question that is open; the pain score comes with words."""
    while gate := watch(client, session).gate:
        text = WORDS if gate == "pain_before" else ""
        said = Answer(id=0, session=session, gate=gate, answer=ANSWERS[gate], took_ms=1, source="file", text=text)
        if gate == "sign":
            said = msgspec.structs.replace(said, answer="not-signed")
        assert ask(client, said) is None, gate


@pytest.mark.timeout(120)
def test_from_an_opened_limit_to_a_packed_incident(tmp_path: Path) -> None:  # noqa: PLR0915  # one story, see above
    """What the parts promise one by one holds between processes, and the chart of it all is sound."""
    layout = lay_down(tmp_path / "site", ("estim-1",))
    people = People(layout.people)
    people.add_user(User(name="kim", role=Role.THERAPIST, verifier=verifier_of(PIN)))
    people.close()
    with simulators(layout), controller(layout) as made:
        first, second = signed_in(made, "therapist"), signed_in(made, "kim")
        refused = first.request(msgspec.structs.replace(START, id=first.next_id()))
        assert isinstance(refused, Refused)
        assert ("soft_limit", "width-usual", "reason") == (refused.code, refused.limit, refused.door)

        opening = OverrideAsk(limit="width-usual", reason=WHY)
        begun = first.request(msgspec.structs.replace(START, id=first.next_id(), overrides=(opening,)))
        assert isinstance(begun, Done)
        session = begun.session or ""
        wrong = Answer(id=0, session=session, gate="sign", answer="signed", took_ms=1, source="file", text="a slip")
        assert "not_now" == ask(first, wrong)
        open_gates(first, session)
        assert until(first, session, "running").person == "therapist"

        assert ask(second, TakeOver(id=0, session=session)) is None
        assert "not_now" == ask(second, TakeOver(id=0, session=session))
        first.close()
        handed = watch(second, session, 1_500)
        assert ("running", "kim") == (handed.phase, handed.person)

        up, down = (Step(id=0, session=session, direction=one) for one in (Direction.UP, Direction.DOWN))
        assert ask(second, Lock(id=0)) is None
        assert ("locked", None) == (ask(second, up), ask(second, down))
        sign_in_again(second)
        watch(second, session)
        assert ask(second, up) is None
        assert "not_now" == ask(second, OpenIncident(id=0, session=session))

        assert ask(second, Stop(id=0, session=session)) is None
        until(second, session, "ended")
        open_gates(second, session)
        assert ask(second, SignSession(id=0, session=session)) is None
        assert "not_now" == ask(second, SignSession(id=0, session=session))
        listed = second.request(ListSessions(id=second.next_id()))
        assert isinstance(listed, Done)
        assert [(session, 1, True)] == [
            (row.session, row.overrides, row.signed) for row in listed.sessions or () if row.overrides
        ]

        packed = tmp_path / "incident"
        site = ["--site", str(layout.root)]
        done = subprocess.run(
            [MODCTL, "incident", session, "--as", "kim", "--out", str(packed), *site],
            env={"MODCTL_PIN": PIN},
            capture_output=True,
            text=True,
            check=False,
            timeout=40,
        )
        assert (0, "") == (done.returncode, done.stderr)
        opened_again = msgspec.structs.replace(START, overrides=(opening,))
        assert "unit_held" == ask(second, opened_again)
        assert not truth(layout, "estim-1").energized
        second.close()
        guard = made.guard_pid()
        assert 0 == made.end()
        assert not is_alive(guard)

    kinds = [entry.kind for entry in entries(layout) if entry.session == session and entry.kind != "inputs"]
    assert ["session.requested", "override"] == kinds[:2]
    assert ["session.handed_over"] == [kind for kind in kinds if kind == "session.handed_over"]
    connection = open_writer(layout.people)
    assert [(WORDS,), (WHY,)] == sorted(connection.execute("SELECT text FROM told"), reverse=True)
    connection.close()
    raw = layout.chart.read_bytes()
    assert WORDS.encode() not in raw
    assert WHY.encode() not in raw
    shown = subprocess.run([MODCTL, "session", "show", session, *site], capture_output=True, text=True, check=False)
    assert f"in words: {WORDS}" in shown.stdout
    assert f"in words: {WHY}" in shown.stdout
    assert [{"unit": "estim-1"}] == [data(entry) for entry in entries(layout, "incident.opened")]

    names = {path.name for path in packed.iterdir()}
    assert {"chart.db", "chart.db.checkpoint", "session.jsonl", "site.toml", "bench.toml", "README"} <= names
    assert {"profile-hasomed-p24.toml", f"preset-{preset_of('estim-1')}.toml"} <= names
    assert "NOT the" not in (packed / "README").read_text()
    assert not any(name.startswith("people") or "pin" in name for name in names)
    head = str(packed / "chart.db.checkpoint")
    verified = subprocess.run(
        [MODCTL, "chart", "verify", str(packed / "chart.db"), "--checkpoint", head], capture_output=True, check=False
    )
    assert 0 == verified.returncode
