"""Claims, samples and patterns: what is planted is found, and no honest line is named."""

import json
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from devices.model import Modality
from modctl.chart.reader import ChartReader
from modctl.cli.common import Context
from modctl.cli.main import cli
from modctl.cli.reading import FileChart
from modctl.clinic.claims import Claim, Treatment, Verdict, parse_claims, reconcile
from modctl.clinic.sampling import draw
from modctl.clinic.suspicion import Watched, suspicions
from modctl.records import Draft, SessionEnded, SessionRequested, SessionStarted
from modctl.reports.treated import treatments, watched
from tests.unit.chart.charts import make_chart, sample, stamp
from tests.unit.reports.quarter import Quarter, made

MIN = 60_000


@pytest.fixture(scope="module")
def quarter(tmp_path_factory: pytest.TempPathFactory) -> Quarter:
    """One for all: it takes seconds to lay down."""
    return made(tmp_path_factory.mktemp("quarter"))


def run(*words: str) -> tuple[int, list[dict[str, object]]]:
    """One command, its status and its lines."""
    found = CliRunner().invoke(cli, [*words, "--json"], obj=Context(site=Path("/nowhere")))
    return found.exit_code, [json.loads(line) for line in found.stdout.splitlines()]


def test_every_planted_error_of_a_quarter_is_found_and_no_honest_claim_is_named(quarter: Quarter) -> None:
    """2 000 sessions, 300 claims, ten of them wrong in four ways."""
    claims = quarter.folder / "claims.csv"
    claims.write_text(quarter.claims)
    status, lines = run("audit", "reconcile", str(claims), "--chart", str(quarter.folder / "chart.db"), "--zone", "UTC")
    named = {line["row"]: line["verdict"] for line in lines if line["verdict"] != "match"}

    assert 1 == status
    assert quarter.wrong == named
    assert 300 == len(lines)


def test_a_sample_is_the_same_for_everybody_and_moves_with_the_number(quarter: Quarter) -> None:
    """Root and number decide, nobody else."""
    chart = str(quarter.folder / "chart.db")
    _status, first = run("audit", "sample", "--number", "42", "--chart", chart)
    _status, again = run("audit", "sample", "--number", "42", "--chart", chart)
    _status, other = run("audit", "sample", "--number", "43", "--chart", chart)

    assert 5 == len(first)
    assert first == again
    assert [line["session"] for line in first] != [line["session"] for line in other]


def test_an_honest_quarter_shows_no_pattern_but_the_planted_one(quarter: Quarter) -> None:
    """Four people who work one after the other, and one who was at two tables."""
    status, lines = run("audit", "patterns", "--chart", str(quarter.folder / "chart.db"), "--zone", "UTC")

    assert (1, [("two_tables", "erik")]) == (status, [(line["pattern"], line["by"]) for line in lines])


def test_every_session_has_the_same_chance() -> None:
    """Ten thousand numbers, ten sessions: each is drawn first about a thousand times."""
    names = [f"s-{number}" for number in range(10)]
    first = [draw(b"root", number, names, 1)[0] for number in range(10_000)]

    assert all(850 < first.count(name) < 1_150 for name in names)


def treated(session: str, begin_min: int, minutes: int, *, by: str = "anna", patient: str = "P-1") -> Treatment:
    """An attended ultrasound session."""
    return Treatment(
        session=session,
        patient=patient,
        by=by,
        modality=Modality.ULTRASOUND,
        date="2026-03-02",
        begin_ms=begin_min * MIN,
        end_ms=(begin_min + minutes) * MIN,
        delivered_ms=(minutes - 2) * MIN,
        is_attended=True,
    )


def claim(row: int, minutes: int, code: str = "97035") -> Claim:
    """A claim for it."""
    return Claim(row=row, patient="P-1", date="2026-03-02", code=code, minutes=minutes)


@pytest.mark.parametrize(("minutes", "verdict"), [(10, "match"), (11, "match"), (12, "short")])
def test_a_claim_may_be_one_started_minute_above_the_record(minutes: int, verdict: str) -> None:
    """People read a wall clock."""
    (judged,) = reconcile([claim(2, minutes)], [treated("s", 0, 10)])

    assert verdict == judged.verdict
    assert (8, 10) == (judged.delivered_min, judged.attended_min)


def test_a_session_that_gave_nothing_is_behind_no_claim() -> None:
    """Refused, or stopped before anything was energized."""
    nothing = msgspec.structs.replace(treated("s", 0, 10), delivered_ms=0)

    assert [Verdict.NO_SESSION] == [one.verdict for one in reconcile([claim(2, 8)], [nothing])]


def test_what_no_unit_here_does_is_left_alone() -> None:
    """Exercise and hands-on work are not this chart's matter."""
    assert [Verdict.NOT_OURS] == [one.verdict for one in reconcile([claim(2, 30, "97110")], [])]


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        ("patient,date,minutes\n", "row 1: the heading has no code"),
        (
            "patient,date,code,minutes\nP-1,02.03.2026,97035,8\n",
            "row 2: date '02.03.2026' is not written as 2026-11-23",
        ),
        ("patient,date,code,minutes\nP-1,2026-03-02,97035,eight\n", "row 2: minutes 'eight' is no whole number"),
        ("patient,date,code,minutes\n,2026-03-02,97035,8\n", "row 2: patient is empty"),
    ],
)
def test_a_claims_file_that_is_wrong_says_where(content: str, finding: str) -> None:
    """Nothing is guessed from a malformed line."""
    claims, findings = parse_claims(content)

    assert ((), True) == (claims, findings[0].startswith(finding))


def seen(session: str, begin_min: int, **changed: object) -> Watched:
    """An unsuspicious session."""
    one = Watched(
        treatment=treated(session, begin_min, 10),
        answers_ms=(2_000, 3_000, 1_500),
        readings=session.encode(),
        is_varied=True,
        is_simulated=False,
    )
    return msgspec.structs.replace(one, **changed)


PLANTED: Sequence[tuple[str, list[Watched]]] = [
    ("clone", [seen("a", 0), seen("b", 60, readings=b"a")]),
    ("no_patient", [seen("a", 0), seen("b", 60, is_varied=False)]),
    ("unread", [seen(f"s{number}", number * 60, answers_ms=(120, 90, 300)) for number in range(5)]),
    (
        "two_tables",
        [seen("a", 0), seen("b", 5, treatment=treated("b", 5, 10, patient="P-2"))],
    ),
    ("threshold", [seen(f"s{n}", n * 60, treatment=treated(f"s{n}", n * 60, 8)) for n in range(5)]),
]


@pytest.mark.parametrize(("pattern", "sessions"), PLANTED, ids=[name for name, _sessions in PLANTED])
def test_each_planted_pattern_is_found_alone(pattern: str, sessions: list[Watched]) -> None:
    """One pattern, no other beside it."""
    assert [pattern] == [one.pattern for one in suspicions(sessions)]


def test_honest_work_shows_nothing() -> None:
    """Hurried, once; and a simulated unit that repeats itself to the byte."""
    sessions = [seen(f"s{number}", number * 60) for number in range(20)]
    sessions += [seen("fast", 1_260, answers_ms=(100, 100))]
    sessions += [seen(name, at, readings=b"same", is_simulated=True) for name, at in (("x", 1_320), ("y", 1_380))]

    assert () == suspicions(sessions)


def test_the_reader_finds_every_session_of_the_quarter(quarter: Quarter) -> None:
    """The quarter is what it says it is."""
    reader = ChartReader.open(quarter.folder / "chart.db")
    found = reader.sessions()
    reader.close()

    assert 2_002 == len(found)


@pytest.mark.parametrize(("load", "treated"), [("", ["s1"]), ("500 ohm", [])])
def test_a_bench_run_is_no_treatment(tmp_path: Path, load: str, treated: list[str]) -> None:
    """Nobody is paid for it, and a resistor that behaves like one is no pattern."""
    asked = sample(SessionRequested, patient="", setup=msgspec.Raw(b"null"))
    ended = sample(SessionEnded, outcome="completed")
    store = make_chart(tmp_path)
    for second, data in enumerate((asked, sample(SessionStarted, simulated=True, load=load), ended), start=1):
        store.append([(Draft(data=data, session="s1", actor="technician"), stamp(second))])
    reader = FileChart(store.connection)
    claimed = [one.session for one in treatments(reader, UTC)]
    seen = [one.treatment.session for one in watched(reader, UTC)]
    store.close()

    assert (treated, treated) == (claimed, seen)
