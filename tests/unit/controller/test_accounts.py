"""People: who signs in, who is locked out, and what can be forgotten."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modctl.chart.sqlite import open_writer
from modctl.controller import pin_check
from modctl.controller.accounts import MAX_TRIES, Patient, People, PinCheck, Role, SignInResult, User
from modctl.controller.texts import Told, seal
from modctl.errors import RefusedError, UnreachableError, UsageError

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
VERIFIER = pin_check.verifier_of("1234")


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    """A site's people with one therapist."""
    made = People.create(tmp_path / "people.db")
    made.add_user(User(name="kim", role=Role.THERAPIST, verifier=VERIFIER))
    yield made
    made.close()


def begun(people: People, name: str, pin: str) -> PinCheck:
    """A check that was begun."""
    check = people.begin_sign_in(name, pin, NOW)
    assert isinstance(check, PinCheck)
    return check


def wrong(people: People, now: datetime = NOW) -> SignInResult:
    """One wrong PIN, counted."""
    check = begun(people, "kim", "0000")
    check.abandon()
    return people.finish_sign_in(check, now, is_right=False)


@pytest.mark.parametrize(
    ("name", "pin", "word", "role"),
    [("kim", "1234", "ok", Role.THERAPIST), ("kim", "1235", "wrong_pin", None), ("nobody", "1234", "unknown", None)],
)
def test_a_pin_is_checked_by_a_helper(people: People, name: str, pin: str, word: str, role: Role | None) -> None:
    """Right, wrong and unknown all go through the same helper, so that all take as long."""
    check = begun(people, name, pin)

    result = people.finish_sign_in(check, NOW, is_right=check.wait())

    assert word == result.word
    assert role == result.role


def test_an_unknown_person_and_a_wrong_pin_are_told_the_same(people: People) -> None:
    """The sentence must not say which names exist."""
    check = begun(people, "nobody", "1234")
    check.abandon()

    unknown = people.finish_sign_in(check, NOW, is_right=False)

    assert unknown.sentence == wrong(people).sentence


def test_the_last_allowed_try_locks_for_a_growing_time(people: People) -> None:
    """Guessing four digits must take years, and a person who mistypes must not be out for a day."""
    words = [wrong(people).word for _ in range(MAX_TRIES)]

    assert [*["wrong_pin"] * (MAX_TRIES - 1), "locked"] == words
    first = people.user("kim")
    assert first is not None
    assert first.locked_until_utc == "2026-01-01T12:01:00.000Z"
    refused = people.begin_sign_in("kim", "1234", NOW + timedelta(seconds=59))
    assert isinstance(refused, SignInResult)
    assert refused.word == "locked"
    later = NOW + timedelta(seconds=60)
    check = people.begin_sign_in("kim", "0000", later)
    assert isinstance(check, PinCheck)
    check.abandon()
    people.finish_sign_in(check, later, is_right=False)
    second = people.user("kim")
    assert second is not None
    assert second.locked_until_utc == "2026-01-01T12:03:00.000Z"


def test_a_right_pin_forgets_the_wrong_ones(people: People) -> None:
    """Five mistakes in a row lock, five in a year do not."""
    for _ in range(MAX_TRIES - 1):
        wrong(people)
    check = begun(people, "kim", "1234")

    people.finish_sign_in(check, NOW, is_right=check.wait())

    assert wrong(people).word == "wrong_pin"


def test_a_pin_that_serves_once_starts_nothing(people: People) -> None:
    """Who was given a PIN by somebody else must be the only one who knows the next."""
    people.set_pin("kim", VERIFIER, is_once=True)
    check = begun(people, "kim", "1234")

    result = people.finish_sign_in(check, NOW, is_right=check.wait())

    assert result.role is None
    assert "modctl user pin kim" in result.sentence


def test_a_name_is_taken_once(people: People) -> None:
    """Two people under one name cannot be told apart in the chart."""
    with pytest.raises(RefusedError):
        people.add_user(User(name="kim", role=Role.AUDITOR, verifier=VERIFIER))
    patient = Patient(ref="P-1", name="Ada", birth_date="1951-03-04", side="left")
    people.add_patient(patient)
    with pytest.raises(RefusedError):
        people.add_patient(patient)

    assert people.patient("P-1") == patient
    assert people.patient("P-2") is None


def test_a_text_is_kept_behind_a_commitment(people: People) -> None:
    """The chart holds only the commitment; equal texts have different ones."""
    one, other = seal("a private word"), seal("a private word")
    people.keep(one, "session-1")
    people.keep(other, "session-1")

    assert one.commitment != other.commitment
    assert Told(state="kept", text="a private word") == people.told(one.commitment)
    assert Told(state="not_kept") == people.told("0" * 64)
    assert "private" not in one.commitment

    people.forget(one.commitment)

    assert "not_kept" == people.told(one.commitment).state
    assert "kept" == people.told(other.commitment).state


def test_an_altered_text_does_not_pass_for_what_was_charted(people: People, tmp_path: Path) -> None:
    """Whoever can write people.db can change the words, not what they were committed to."""
    sealed = seal("both agreed")
    people.keep(sealed, "session-1")
    connection = open_writer(tmp_path / "people.db")
    connection.execute("UPDATE told SET text = 'nobody agreed'")
    connection.close()

    assert Told(state="altered") == people.told(sealed.commitment)


def test_the_commitment_is_the_hash_of_salt_and_text() -> None:
    """Anybody can check it with what people.db holds and two lines of any language."""
    sealed = seal("skin pale, no feeling")

    assert hashlib.sha256(sealed.salt + b"skin pale, no feeling").hexdigest() == sealed.commitment
    assert 32 == len(sealed.salt)


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Identities and verifiers."""
    path = tmp_path / "people.db"
    People.create(path).close()

    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(UnreachableError):
        People(tmp_path / "nothing.db")


def test_a_pin_has_a_length() -> None:
    """At the bounds is a PIN, beyond is none."""
    assert pin_check.verifier_of("1234").startswith("$argon2id$")
    for pin in ("123", "1" * 65):
        with pytest.raises(UsageError):
            pin_check.verifier_of(pin)


@pytest.mark.parametrize("asked", [b"", b"{}", b'{"verifier":"x","pin":"1234"}', b"\xff", b"[1]"])
def test_the_helper_calls_nonsense_by_its_name(asked: bytes) -> None:
    """What is no question is never a yes."""
    assert pin_check.verdict(asked) == pin_check.NONSENSE
