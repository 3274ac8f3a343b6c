"""A made-up quarter of a clinic: 2 000 sessions in a real chart, and 300 claims of which some are wrong on purpose."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from devices.model import Modality
from modctl.clock import Stamp, utc_text
from modctl.records import Draft, GateAnswer, SessionClosed, SessionEnded, SessionRequested, SessionStarted
from tests.unit.chart.charts import make_chart, sample
from tests.unit.engine.made import ESTIM

DAYS, A_DAY = 50, 40  # 2 000 sessions
PEOPLE = ("anna", "ben", "carla", "dan")
KINDS = (
    (Modality.ULTRASOUND, "reference-ultrasound", "97035"),
    (Modality.ESTIM, "hasomed-p24", "G0283"),
    (Modality.TRACTION, "reference-traction", "97012"),
    (Modality.HEAT, "reference-heat", "97010"),
)
SETUP = msgspec.Raw(msgspec.json.encode(ESTIM))  # of it only whether somebody had to stay is looked at
FIRST_DAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
QUESTIONS = ("identify", "consent", "screening", "pain_before", "skin_before", "placement", "confirm")


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One session that is to be charted."""

    name: str
    patient: str
    by: str
    modality: Modality
    model: str
    code: str
    begin: datetime
    minutes: int  # energized


class Quarter(msgspec.Struct, frozen=True, kw_only=True):
    """The chart's folder, the claims as CSV, and by row what a judge must say of it (rows not named are honest)."""

    folder: Path
    claims: str
    wrong: dict[int, str]


def made(folder: Path, seed: int = 7) -> Quarter:
    """Lay it down."""
    chance = random.Random(seed)
    sessions = [*_schedule(chance), *_overlapping()]
    _chart(folder, sessions, chance)
    honest = chance.sample([one for one in sessions if not one.name.startswith("clash")], 296)
    lines = [(one.patient, _day(one), one.code, chance.randint(1, one.minutes + 2)) for one in honest]
    wrong: dict[int, str] = {}
    for index in (11, 57, 140):  # more minutes than anybody was there
        patient, day, code, _minutes = lines[index]
        lines[index] = (patient, day, code, 55)
        wrong[index + 2] = "short"
    for index in (23, 199, 250):  # nobody was treated with that on that day
        patient, day, code, minutes = lines[index]
        lines[index] = (patient, day, "97012" if code != "97012" else "97035", minutes)
        wrong[index + 2] = "no_session"
    lines.append(lines[5])  # the same thing twice
    wrong[len(lines) + 1] = "no_session"
    lines.append(("P-nobody", "2026-03-02", "97035", 8))
    wrong[len(lines) + 1] = "no_session"
    for one in _overlapping():  # one person at two tables
        lines.append((one.patient, _day(one), one.code, 8))
        wrong[len(lines) + 1] = "overlap"
    rows = [f"{patient},{day},{code},{minutes},x" for patient, day, code, minutes in lines]
    return Quarter(folder=folder, claims="\n".join(("patient,date,code,minutes,payer", *rows)) + "\n", wrong=wrong)


def _schedule(chance: random.Random) -> Iterator[Planned]:
    """Each person treats one patient after the other; every patient comes once a day."""
    for day in range(DAYS):
        for place in range(A_DAY):
            by, slot = PEOPLE[place % len(PEOPLE)], place // len(PEOPLE)
            modality, model, code = KINDS[chance.randrange(len(KINDS))]
            yield Planned(
                name=f"s-{day:02}-{place:02}",
                patient=f"P-{place:03}",
                by=by,
                modality=modality,
                model=model,
                code=code,
                begin=FIRST_DAY + timedelta(days=day, minutes=45 * slot),
                minutes=chance.randint(5, 20),
            )


def _overlapping() -> tuple[Planned, ...]:
    modality, model, code = KINDS[0]
    return tuple(
        Planned(
            name=f"clash-{place}",
            patient=f"P-9{place}",
            by="erik",
            modality=modality,
            model=model,
            code=code,
            begin=FIRST_DAY + timedelta(days=3, minutes=4 * place),
            minutes=8,
        )
        for place in range(2)
    )


def _chart(folder: Path, sessions: list[Planned], chance: random.Random) -> None:
    store = make_chart(folder, simulated=True)
    ordered = sorted(sessions, key=lambda one: one.begin)
    entries = [(stamp.at_utc, draft, stamp) for one in ordered for draft, stamp in _entries(one, chance)]
    entries.sort(key=lambda entry: entry[0])
    for first in range(0, len(entries), 2_000):
        store.append([(draft, stamp) for _at, draft, stamp in entries[first : first + 2_000]])
    store.checkpoint()
    store.close()


def _entries(one: Planned, chance: random.Random) -> Iterator[tuple[Draft, Stamp]]:
    at = one.begin

    def said(data: object, seconds: float) -> tuple[Draft, Stamp]:
        nonlocal at
        at += timedelta(seconds=seconds)
        mono_ns = round((at - FIRST_DAY).total_seconds() * 1_000) * 1_000_000 + 10**9
        stamp = Stamp(at_utc=utc_text(at), mono_ns=mono_ns, boottime_ns=mono_ns, boot="quarter")
        return Draft(data=data, session=one.name, actor=one.by), stamp  # type: ignore[arg-type]  # only records are given

    asked = sample(SessionRequested, unit="u1", model=one.model, patient=one.patient, preset="made-up")
    yield said(msgspec.structs.replace(asked, setup=SETUP), 0)
    for gate in QUESTIONS:
        took_ms = chance.randint(900, 9_000)
        answer = GateAnswer(gate=gate, answer="yes", source="person", age_s=0, took_ms=took_ms)
        yield said(answer, took_ms / 1_000)
    started = sample(SessionStarted, unit="u1", model=one.model, patient=one.patient, modality=one.modality)
    yield said(msgspec.structs.replace(started, simulated=True, head="", load=""), 0.1)
    ended = sample(SessionEnded, outcome="completed", delivered_ms=one.minutes * 60_000)
    yield said(ended, one.minutes * 60)
    yield said(SessionClosed(answers=4), 30)


def _day(one: Planned) -> str:
    return one.begin.date().isoformat()
