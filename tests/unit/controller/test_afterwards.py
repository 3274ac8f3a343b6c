"""What is done to a record after the session's end: who may, and that nothing that was charted is ever changed."""

from collections.abc import Sequence

import msgspec
import pytest

from modctl.clock import Stamp
from modctl.controller.afterwards import Addition, Written, addition, stated
from modctl.ipc.hands import Amend, LateEntry, SignSession
from modctl.ipc.messages import Refused
from modctl.records import (
    Draft,
    Record,
    SessionAmended,
    SessionHandedOver,
    SessionLateEntry,
    SessionSigned,
)
from tests.unit.controller.ended_session import drafts, entries

NOW = "2026-11-24T09:00:00.000Z"
OVER = drafts()
RUNS = drafts(is_over=False)
SIGN = SignSession(id=1, session="s1")
AMEND = Amend(id=1, session="s1", field="pain_after", value="5", reason="the patient corrected it")
LATE = LateEntry(id=1, session="s1", about_utc="2026-11-23T10:05:00.000Z", text="red for an hour")


def added(
    request: Written, *more: Record, actor: str = "therapist", made: Sequence[tuple[Draft, Stamp]] = OVER
) -> Addition | Refused:
    """What comes of a request after the session and ``more`` entries."""
    stamp = made[-1][1]
    further = [(Draft(data=record, session="s1", actor="therapist"), stamp) for record in more]
    return addition(entries([*made, *further]), request, actor, NOW)


def code(found: Addition | Refused) -> str | None:
    """Why not; None where it is taken."""
    return found.code if isinstance(found, Refused) else None


def test_an_amendment_stands_beside_the_old_value() -> None:
    """Who reads the record sees both, and the reason only where its words are kept."""
    found = added(AMEND)

    assert isinstance(found, Addition)
    assert found.sealed is not None
    assert SessionAmended(field="pain_after", old="3", new="5", reason=found.sealed.commitment) == found.draft.data
    assert ("s1", "therapist") == (found.draft.session, found.draft.actor)
    assert "corrected" not in msgspec.json.encode(found.draft).decode()


def test_the_second_amendment_starts_from_the_first() -> None:
    """The old value is what the record said until now."""
    found = added(
        msgspec.structs.replace(AMEND, value="6"), SessionAmended(field="pain_after", old="3", new="5", reason="")
    )

    assert isinstance(found, Addition)
    assert isinstance(found.draft.data, SessionAmended)
    assert ("5", "6") == (found.draft.data.old, found.draft.data.new)


@pytest.mark.parametrize(
    "changes",
    [
        {"field": "delivered_ms", "value": "900000"},
        {"field": "confirm", "value": "not-yet"},
        {"field": "sign", "value": "not-signed"},
        {"value": "11"},
        {"value": "3"},
        {"reason": " "},
    ],
)
def test_what_is_no_statement_or_no_answer_is_not_amended(changes: dict[str, str]) -> None:
    """Delivered time is measured, a start was an act, eleven is no pain score, and a change takes a reason."""
    assert "usage" == code(added(msgspec.structs.replace(AMEND, **changes)))


SIGNED = SessionSigned(meaning="performed")
AMENDED = SessionAmended(field="pain_after", old="3", new="5", reason="")
ADDED = SessionLateEntry(about_utc=NOW, text="")


@pytest.mark.parametrize(
    ("before", "meaning"),
    [
        ((), "performed"),
        ((AMENDED,), "performed"),
        ((SIGNED,), None),
        ((SIGNED, AMENDED), "amended"),
        ((SIGNED, ADDED), "amended"),
        ((SIGNED, AMENDED, SessionSigned(meaning="amended")), None),
    ],
)
def test_a_signature_says_what_it_stands_for(before: tuple[Record, ...], meaning: str | None) -> None:
    """The first is for what was done, later ones for what was put right since; nothing new is not signed again."""
    found = added(SIGN, *before)

    assert meaning == (
        found.draft.data.meaning
        if isinstance(found, Addition) and isinstance(found.draft.data, SessionSigned)
        else None
    )


@pytest.mark.parametrize("request_", [AMEND, LATE])
def test_only_whose_session_it_was_adds_to_it(request_: Written) -> None:
    """Who took it over counts as well; somebody from another table does not."""
    handed = SessionHandedOver(from_person="therapist", to_person="kim")

    assert "role" == code(added(request_, actor="kim"))
    assert code(added(request_, handed, actor="kim")) is None


@pytest.mark.parametrize("request_", [SIGN, AMEND, LATE])
def test_a_record_that_is_still_written_is_not_signed_or_amended(request_: Written) -> None:
    """The grammar of the chart says the same."""
    assert "not_now" == code(added(request_, made=RUNS))


def test_a_late_entry_says_when_it_was_and_when_it_was_made() -> None:
    """About yesterday, stamped today by the chart itself; the future has not been."""
    found = added(LATE)

    assert isinstance(found, Addition)
    assert isinstance(found.draft.data, SessionLateEntry)
    assert LATE.about_utc == found.draft.data.about_utc
    assert "usage" == code(added(msgspec.structs.replace(LATE, about_utc="2026-11-25T00:00:00.000Z")))
    assert "usage" == code(added(msgspec.structs.replace(LATE, text="\t")))


def test_a_session_that_is_not_there_is_said() -> None:
    """A slip of the fingers."""
    assert "usage" == code(addition((), SIGN, "therapist", NOW))


def test_another_therapist_signs_as_reviewed_and_claims_nothing_else() -> None:
    """An assistant's session is signed by somebody who looked at its record."""
    handed = SessionHandedOver(from_person="therapist", to_person="kim")
    meanings = [
        found.draft.data.meaning
        for found in (added(SIGN, actor="kim"), added(SIGN, SIGNED, actor="kim"), added(SIGN, handed, actor="kim"))
        if isinstance(found, Addition) and isinstance(found.draft.data, SessionSigned)
    ]

    assert ["reviewed", "reviewed", "performed"] == meanings


def test_what_is_stated_now_is_the_last_word() -> None:
    """Reports read this."""
    assert {"a": "2"} == {"a": stated([SessionAmended(field="a", old="1", new="2", reason="")])["a"]}
