"""Who may ask for what: the whole table, so that a new request cannot slip in without a decision."""

from typing import get_args

import msgspec
import pytest

from devices.model import Direction
from modctl.controller.accounts import Role
from modctl.controller.rights import FREE, MAY, knows_patients, refusal
from modctl.ipc.connection import Caller
from modctl.ipc.hands import SignSession, TakeOver
from modctl.ipc.messages import (
    Acknowledge,
    Answer,
    Beat,
    ListPatients,
    Pause,
    Request,
    Resume,
    SignIn,
    Start,
    Step,
    Stop,
)
from modctl.ipc.servicing import BenchRun, TraceUnit

NOBODY = Caller(connection=1, program="test", attends=False)
START = Start(id=1, unit="u", patient="p", preset="x")


def signed_in(role: Role) -> Caller:
    """A person with this role."""
    return msgspec.structs.replace(NOBODY, user=role.value, role=role.value)


def test_every_request_is_free_or_needs_a_role() -> None:
    """A request that is in neither table would be refused to everybody, or worse."""
    assert set(get_args(Request)) == {*FREE, *MAY, Beat}
    assert not set(FREE) & set(MAY)


@pytest.mark.parametrize("caller", [NOBODY, *(signed_in(role) for role in Role)])
def test_a_stop_is_never_refused(caller: Caller) -> None:
    """Whoever sees that something is wrong may stop it."""
    assert refusal(Stop(id=1), caller) is None


@pytest.mark.parametrize("role", Role)
def test_only_who_stands_at_the_table_starts(role: Role) -> None:
    """An auditor, a technician or an administrator has no business energizing anything on a patient."""
    refused = refusal(START, signed_in(role))

    assert (role in (Role.THERAPIST, Role.ASSISTANT)) == (refused is None)


def test_without_a_person_nothing_is_started() -> None:
    """The refusal says that stopping needs nobody, since that is what the reader may want next."""
    refused = refusal(START, NOBODY)

    assert refused is not None
    assert "sign_in" == refused.code
    assert "stop" in refused.reason


def test_a_technician_never_sees_who_the_patients_are() -> None:
    """The bench needs units, not people."""
    assert not knows_patients(signed_in(Role.TECHNICIAN))
    assert not knows_patients(NOBODY)
    assert knows_patients(signed_in(Role.THERAPIST))


LOCKED = msgspec.structs.replace(signed_in(Role.THERAPIST), is_locked=True)


@pytest.mark.parametrize(
    ("request_", "is_taken"),
    [
        (Stop(id=1), True),
        (Pause(id=1, session="s"), True),
        (Step(id=1, session="s", direction=Direction.DOWN), True),
        (Step(id=1, session="s", direction=Direction.HOLD), True),
        (SignIn(id=1, user="kim", pin="1"), True),
        (Step(id=1, session="s", direction=Direction.UP), False),
        (Resume(id=1, session="s"), False),
        (START, False),
        (Answer(id=1, session="s", gate="confirm", answer="start", took_ms=1), False),
        (Acknowledge(id=1, unit="u"), False),
        (TakeOver(id=1, session="s"), False),
        (SignSession(id=1, session="s"), False),
        (ListPatients(id=1), False),
    ],
)
def test_a_locked_screen_makes_nothing_stronger(request_: Request, *, is_taken: bool) -> None:
    """Whoever walks up to it may stop, pause and lower; the rest waits for a PIN."""
    refused = refusal(request_, LOCKED)

    assert is_taken == (refused is None)
    assert is_taken or (refused is not None and "locked" == refused.code)


def test_a_locked_bench_still_shows_the_wire() -> None:
    """Reading a line makes nothing stronger; a wire that stood still under a lock would be taken for a silent one."""
    locked = msgspec.structs.replace(signed_in(Role.TECHNICIAN), is_locked=True)

    assert refusal(TraceUnit(id=1, unit="u"), locked) is None


@pytest.mark.parametrize(("role", "is_taken"), [(Role.THERAPIST, True), (Role.ASSISTANT, False)])
def test_an_assistant_does_not_sign_but_may_leave_it_open(role: Role, *, is_taken: bool) -> None:
    """The signature is the therapist's; the end of the session is not held up by it."""
    signs = Answer(id=1, session="s", gate="sign", answer="signed", took_ms=1)

    assert is_taken == (refusal(signs, signed_in(role)) is None)
    assert refusal(msgspec.structs.replace(signs, answer="not-signed"), signed_in(role)) is None


ON_A_SESSION: tuple[Request, ...] = (
    Answer(id=1, session="s", gate="confirm", answer="start", took_ms=1),
    Pause(id=1, session="s"),
    Resume(id=1, session="s"),
    Step(id=1, session="s", direction=Direction.UP),
    TakeOver(id=1, session="s"),
)


@pytest.mark.parametrize("role", Role)
def test_only_a_technician_runs_a_unit_on_the_bench(role: Role) -> None:
    """What looks like a treatment and is none is nothing for whoever is paid for treatments."""
    asked = BenchRun(id=1, unit="u", load="500 ohm", nobody_connected=True, set=(), duration_ms=10_000)

    assert (role is Role.TECHNICIAN) == (refusal(asked, signed_in(role)) is None)


@pytest.mark.parametrize("asked", ON_A_SESSION, ids=lambda asked: type(asked).__name__)
@pytest.mark.parametrize("role", Role)
def test_table_and_bench_keep_their_hands_off_each_other(role: Role, asked: Request) -> None:
    """A technician never acts on a patient's session, a therapist never on one without a patient."""
    caller = signed_in(role)

    assert (role is Role.TECHNICIAN) == (refusal(asked, caller, is_bench=True) is None)
    assert (role in (Role.THERAPIST, Role.ASSISTANT)) == (refusal(asked, caller) is None)
