"""Claims held against what was delivered: which claimed minutes have a session behind them, and whose time was it.

Codes and their rules: CPT as described in the Medicare contractors' guidance on outpatient therapy (timed codes count
direct contact in units of 15 minutes, untimed ones count once a day; constant attendance is one to one). Only codes
for what these units do are known here; all others are left alone and said so.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from devices.model import Modality

MS_PER_MIN: Final = 60_000
ROUNDING_MIN: Final = 1  # chosen: people read a wall clock; a claim may be one started minute above the record
COLUMNS: Final = ("patient", "date", "code", "minutes")
MAX_MINUTES: Final = 24 * 60


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """One billing code. ``constant``: one to one, only direct contact counts."""

    label: str
    modalities: tuple[Modality, ...]
    constant: bool


CODES: Final[Mapping[str, Code]] = MappingProxyType(
    {
        "97010": Code(label="hot or cold pack", modalities=(Modality.HEAT, Modality.COLD), constant=False),
        "97012": Code(label="mechanical traction", modalities=(Modality.TRACTION,), constant=False),
        "97014": Code(label="electrical stimulation, unattended", modalities=(Modality.ESTIM,), constant=False),
        "G0283": Code(label="electrical stimulation, unattended", modalities=(Modality.ESTIM,), constant=False),
        "97016": Code(label="vasopneumatic", modalities=(Modality.COLD,), constant=False),
        "97032": Code(label="electrical stimulation, attended", modalities=(Modality.ESTIM,), constant=True),
        "97035": Code(label="ultrasound", modalities=(Modality.ULTRASOUND,), constant=True),
    }
)


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the claims: ``row`` counts the file's lines, the heading is 1. ``date`` is the clinic's own."""

    row: int
    patient: str
    date: str
    code: str
    minutes: int


class Treatment(msgspec.Struct, frozen=True, kw_only=True):
    """One session as the chart has it. Times are milliseconds since 1970 UTC, both ends of the person's presence."""

    session: str
    patient: str
    by: str
    modality: str
    date: str  # the clinic's own
    begin_ms: int
    end_ms: int
    delivered_ms: int
    is_attended: bool

    @property
    def present_ms(self) -> int:
        """From the first answer at the table to the last."""
        return self.end_ms - self.begin_ms


class Verdict(StrEnum):
    """What the chart says to a claim."""

    MATCH = "match"
    SHORT = "short"  # there is a session, and it is shorter than what is claimed
    NO_SESSION = "no_session"
    OVERLAP = "overlap"  # one person, constantly attending two patients at once
    NOT_OURS = "not_ours"  # a code that no unit here is behind


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One claim with what stands behind it. Minutes are started minutes."""

    claim: Claim
    verdict: Verdict
    sessions: tuple[str, ...]
    delivered_min: int
    attended_min: int
    says: str


def parse_claims(content: str) -> tuple[tuple[Claim, ...], tuple[str, ...]]:
    """Claims from CSV with a heading; further columns are let pass. Every finding names its row."""
    reader = csv.DictReader(io.StringIO(content))
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        return (), (f"row 1: the heading has no {', '.join(missing)}",)
    claims: list[Claim] = []
    findings: list[str] = []
    for row, line in enumerate(reader, start=2):
        patient, day, code, minutes = ((line.get(name) or "").strip() for name in COLUMNS)
        problem = _problem(patient, day, minutes)
        if problem:
            findings.append(f"row {row}: {problem}")
        else:
            claims.append(Claim(row=row, patient=patient, date=day, code=code, minutes=int(minutes)))
    return tuple(claims), tuple(findings)


def reconcile(claims: Sequence[Claim], treatments: Sequence[Treatment]) -> tuple[Judged, ...]:
    """Judge every claim, in the order given. A session stands behind one claim of its code only."""
    behind = _behind(claims, treatments)
    claimed = [(claim.row, one) for claim in claims if _is_constant(claim) for one in behind.get(claim.row, ())]
    return tuple(_judge(claim, behind.get(claim.row, ()), claimed) for claim in claims)


def _problem(patient: str, day: str, minutes: str) -> str:
    if not patient:
        return "patient is empty"
    try:
        date.fromisoformat(day)
    except ValueError:
        return f"date {day!r} is not written as 2026-11-23"
    if not minutes.isascii() or not minutes.isdigit() or not 0 < int(minutes) <= MAX_MINUTES:
        return f"minutes {minutes!r} is no whole number from 1 to {MAX_MINUTES}"
    return ""


def _behind(claims: Sequence[Claim], treatments: Sequence[Treatment]) -> dict[int, tuple[Treatment, ...]]:
    """The sessions behind each claim. One claim of a day gets all that fit; several get one each, by length."""
    by_day: dict[tuple[str, str], list[Treatment]] = defaultdict(list)
    for one in treatments:
        by_day[one.patient, one.date].append(one)
    groups: dict[tuple[str, str, str], list[Claim]] = defaultdict(list)
    for claim in claims:
        groups[claim.patient, claim.date, claim.code].append(claim)
    found: dict[int, tuple[Treatment, ...]] = {}
    for (patient, day, code), group in groups.items():
        fitting = sorted(_fitting(code, by_day[patient, day]), key=lambda one: one.present_ms, reverse=True)
        if len(group) == 1:
            found[group[0].row] = tuple(fitting)
            continue
        longest_first = sorted(group, key=lambda claim: claim.minutes, reverse=True)
        found.update({claim.row: (one,) for claim, one in zip(longest_first, fitting, strict=False)})
    return found


def _fitting(code: str, treatments: Iterable[Treatment]) -> list[Treatment]:
    known = CODES.get(code)
    if known is None:
        return []
    return [
        one
        for one in treatments
        if one.modality in known.modalities and one.delivered_ms > 0 and (one.is_attended or not known.constant)
    ]


def _is_constant(claim: Claim) -> bool:
    return claim.code in CODES and CODES[claim.code].constant


def _judge(claim: Claim, behind: Sequence[Treatment], claimed: Sequence[tuple[int, Treatment]]) -> Judged:
    code = CODES.get(claim.code)
    if code is None:
        return _judged(claim, Verdict.NOT_OURS, behind, "no unit of this site is behind this code")
    if not behind:
        return _judged(claim, Verdict.NO_SESSION, behind, f"no session of {code.label} is left for this claim")
    clash = _clash(claim, behind, claimed)
    if clash:
        return _judged(claim, Verdict.OVERLAP, behind, clash)
    evidence_ms = sum(one.present_ms if code.constant else max(one.present_ms, one.delivered_ms) for one in behind)
    if claim.minutes > _minutes(evidence_ms) + ROUNDING_MIN:
        return _judged(
            claim, Verdict.SHORT, behind, f"{claim.minutes} min claimed, {_minutes(evidence_ms)} in the chart"
        )
    return _judged(claim, Verdict.MATCH, behind, f"{claim.minutes} min claimed, {_minutes(evidence_ms)} in the chart")


def _clash(claim: Claim, behind: Sequence[Treatment], claimed: Sequence[tuple[int, Treatment]]) -> str:
    if not _is_constant(claim):
        return ""
    for mine in behind:
        for row, other in claimed:
            is_same_person = row != claim.row and other.by == mine.by and other.patient != mine.patient
            if is_same_person and mine.begin_ms < other.end_ms and other.begin_ms < mine.end_ms:
                return f"{mine.by} attended {other.patient} (row {row}, session {other.session}) at the same time"
    return ""


def _judged(claim: Claim, verdict: Verdict, behind: Sequence[Treatment], says: str) -> Judged:
    return Judged(
        claim=claim,
        verdict=verdict,
        sessions=tuple(one.session for one in behind),
        delivered_min=_minutes(sum(one.delivered_ms for one in behind)),
        attended_min=_minutes(sum(one.present_ms for one in behind if one.is_attended)),
        says=says,
    )


def _minutes(ms: int) -> int:
    """Started minutes."""
    return -(-ms // MS_PER_MIN)
