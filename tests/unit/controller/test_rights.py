"""Who may ask for what: the whole table, so that a new request cannot slip in without a decision."""

from typing import get_args

import msgspec
import pytest

from devices.model import Direction
from modctl.controller.accounts import Role
from modctl.controller.rights import FREE, MAY, knows_patients, refusal
from modctl.ipc.connection import Caller
from modctl.ipc.messages import (
    Acknowledge,
    Answer,
    Beat,
    ListPatients,
    Pause,
    Request,
    Resume,
    SignIn,
    SignSession,
    Start,
    Step,
    Stop,
    TakeOver,
)

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


@pytest.mark.parametrize(("role", "is_taken"), [(Role.THERAPIST, True), (Role.ASSISTANT, False)])
def test_an_assistant_does_not_sign_but_may_leave_it_open(role: Role, *, is_taken: bool) -> None:
    """The signature is the therapist's; the end of the session is not held up by it."""
    signs = Answer(id=1, session="s", gate="sign", answer="signed", took_ms=1)

    assert is_taken == (refusal(signs, signed_in(role)) is None)
    assert refusal(msgspec.structs.replace(signs, answer="not-signed"), signed_in(role)) is None
