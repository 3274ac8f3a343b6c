"""What fabrication looks like: findings over many sessions, each with the sessions that show it. None is a proof.

Every threshold is ours: chosen so that honest work, however hurried, does not reach it, and said beside the finding.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from modctl.clinic.claims import MS_PER_MIN, Treatment

UNREAD_MS: Final = 400  # chosen: nobody reads a question, asks it and hears the answer in less
UNREAD_SHARE: Final = 5  # chosen: of so many sessions one may be hurried
MIN_SESSIONS: Final = 5  # chosen: fewer are no pattern
FIRST_UNIT_MIN: Final = 8  # timed codes: the first unit begins at 8 minutes (CMS table)
NEAR_MS: Final = MS_PER_MIN
STEEP: Final = 4  # chosen: just above the threshold, against just below it


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """One session with what patterns need beyond its treatment."""

    treatment: Treatment
    answers_ms: tuple[int, ...]  # the seconds that each answer of a person took
    readings: bytes  # SHA-256 over everything that the unit reported, times left out; empty: nothing was reported
    is_varied: bool  # contact, a reading or a person's act changed anything after the ramp
    is_simulated: bool


class Suspicion(msgspec.Struct, frozen=True, kw_only=True):
    """One pattern, in one sentence, with its sessions."""

    pattern: str  # unread | clone | no_patient | threshold | two_tables
    by: str
    says: str
    sessions: tuple[str, ...]


def suspicions(sessions: Sequence[Watched]) -> tuple[Suspicion, ...]:
    """All patterns, the gravest kind first."""
    return (
        *_clones(sessions),
        *_no_patient(sessions),
        *_two_tables(sessions),
        *_unread(sessions),
        *_threshold(sessions),
    )


def readings_digest(readings: Sequence[bytes]) -> bytes:
    """One value for everything that a unit reported, each reading as its bytes without its time."""
    if not readings:
        return b""
    return hashlib.sha256(b"\n".join(readings)).digest()


def _clones(sessions: Sequence[Watched]) -> Iterator[Suspicion]:
    """Noise never repeats: the same readings twice are one session copied. Simulated units may repeat themselves."""
    same: dict[bytes, list[Watched]] = defaultdict(list)
    for one in sessions:
        if one.readings and not one.is_simulated:
            same[one.readings].append(one)
    for group in same.values():
        if len(group) > 1:
            yield _suspicion("clone", group, "reported exactly the same readings")


def _no_patient(sessions: Sequence[Watched]) -> Iterator[Suspicion]:
    """A body moves, dries and warms; a resistor in a drawer does not."""
    for by, group in _by_person(sessions):
        still = [one for one in group if one.readings and not one.is_varied and not one.is_simulated]
        if still:
            yield _suspicion("no_patient", still, f"{by}: nothing changed from the ramp to the end, as on a load")


def _two_tables(sessions: Sequence[Watched]) -> Iterator[Suspicion]:
    """One person, constantly attending two patients at once."""
    for by, group in _by_person(sessions):
        attended = sorted((one for one in group if one.treatment.is_attended), key=lambda one: one.treatment.begin_ms)
        for place, one in enumerate(attended):
            for other in attended[place + 1 :]:
                if other.treatment.begin_ms >= one.treatment.end_ms:
                    break
                if other.treatment.patient != one.treatment.patient:
                    yield _suspicion("two_tables", (one, other), f"{by} attended two patients at once")


def _unread(sessions: Sequence[Watched]) -> Iterator[Suspicion]:
    """Questions answered faster than they can be read, again and again."""
    for by, group in _by_person(sessions):
        fast = [one for one in group if one.answers_ms and _median(one.answers_ms) < UNREAD_MS]
        if len(fast) >= MIN_SESSIONS and len(fast) * UNREAD_SHARE >= len(group):
            yield _suspicion("unread", fast, f"{by}: questions answered in less than {UNREAD_MS} ms, {len(fast)} times")


def _threshold(sessions: Sequence[Watched]) -> Iterator[Suspicion]:
    """Sessions that end just past the first billable unit, and hardly any just before it."""
    edge_ms = FIRST_UNIT_MIN * MS_PER_MIN
    for by, group in _by_person(sessions):
        past = [one for one in group if 0 <= one.treatment.present_ms - edge_ms < NEAR_MS]
        before = [one for one in group if 0 < edge_ms - one.treatment.present_ms <= NEAR_MS]
        if len(past) >= MIN_SESSIONS and len(past) >= STEEP * (len(before) + 1):
            said = (
                f"{by}: {len(past)} sessions ended within a minute past {FIRST_UNIT_MIN} min, {len(before)} before it"
            )
            yield _suspicion("threshold", past, said)


def _by_person(sessions: Sequence[Watched]) -> Iterator[tuple[str, list[Watched]]]:
    groups: dict[str, list[Watched]] = defaultdict(list)
    for one in sessions:
        groups[one.treatment.by].append(one)
    yield from sorted(groups.items())


def _median(values: Sequence[int]) -> int:
    return sorted(values)[len(values) // 2]


def _suspicion(pattern: str, group: Sequence[Watched], says: str) -> Suspicion:
    people = sorted({one.treatment.by for one in group})
    return Suspicion(
        pattern=pattern, by=", ".join(people), says=says, sessions=tuple(one.treatment.session for one in group)
    )
