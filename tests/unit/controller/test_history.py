"""What the chart knows when a session is asked for, read from a real chart file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from modctl.chart.reader import ChartReader
from modctl.chart.store import ChartStore
from modctl.controller.history import History, history, jumps_of_a_day, switches_of_today
from modctl.ipc.messages import Refused, Start
from modctl.records import (
    ClockJumped,
    Draft,
    GateAnswer,
    Record,
    RoundCheck,
    RoundOpened,
    SessionAmended,
    SessionEnded,
    SessionRequested,
    SessionStarted,
    SetpointCommanded,
)
from tests.unit.chart.charts import make_chart, sample, stamp

NOW = "2026-03-02T08:10:00.000Z"
AGAIN = Start(id=1, unit="", patient="P-1", preset="", repeat=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChartStore]:
    """An empty chart."""
    made = make_chart(tmp_path)
    yield made
    made.close()


def treated(store: ChartStore, session: str, second: int, *answers: GateAnswer, level: int = 12_000) -> None:
    """One session of P-1 on estim-1, with these answers before its start."""
    who = {"unit": "estim-1", "model": "hasomed-p24", "patient": "P-1", "preset": "hip-tens", "planned_ms": 60_000}
    asked = (("current_ua", 9_000), ("pulse_width_us", 150))
    where = {"region": "hip", "side": "left", "modality": "estim", "simulated": True, "load": ""}
    records: list[Record] = [
        sample(SessionRequested, **who, asked=asked),
        *answers,
        sample(SessionStarted, **who, **where),
        SetpointCommanded(levels=(("current_ua", level),), cause="person"),
        SetpointCommanded(levels=(), cause="off"),
        sample(SessionEnded, outcome="completed"),
    ]
    for record in records:
        store.append([(Draft(data=record, session=session, actor="therapist"), stamp(second))])


def given(answer: str, age_s: int = 0) -> GateAnswer:
    """What was said about consent."""
    return GateAnswer(gate="consent", answer=answer, source="person", age_s=age_s, took_ms=900)


def test_a_repeat_finds_the_last_session_without_its_level(store: ChartStore) -> None:
    """Settings and time come back; the level starts from off, and what it was ridden to is told beside it."""
    treated(store, "s-1", 10, level=8_000)
    treated(store, "s-2", 20, level=12_500)
    found = history(ChartReader(store.connection), AGAIN, NOW)

    assert isinstance(found, History)
    assert found.last is not None
    assert ("estim-1", "hip-tens", 60_000) == (found.last.unit, found.last.preset, found.last.planned_ms)
    assert (("pulse_width_us", 150),) == found.last.settings
    assert (("hip-tens", 12_500),) == found.levels


def test_there_is_nothing_to_repeat_for_who_was_never_treated(store: ChartStore) -> None:
    """Refused with what to do; a first session that is only prepared does not need a last one."""
    refused = history(ChartReader(store.connection), AGAIN, NOW)
    first = history(ChartReader(store.connection), Start(id=1, unit="estim-1", patient="P-1", preset="x"), NOW)

    assert isinstance(refused, Refused)
    assert "nothing_to_repeat" == refused.code
    assert History() == first


def test_a_carried_answer_never_grows_younger(store: ChartStore) -> None:
    """It was said in the first session; saying again that it holds does not make it new."""
    treated(store, "s-1", 10, given("given"))
    treated(store, "s-2", 50, given("given", age_s=40))
    found = history(ChartReader(store.connection), AGAIN, NOW)

    assert isinstance(found, History)
    assert {"2026-03-02T08:00:10.000Z"} == {one.moment.at_utc for one in found.earlier}
    assert 1 == len({one.moment.boottime_ns for one in found.earlier})


def test_an_amended_answer_is_the_one_that_holds(store: ChartStore) -> None:
    """What turned out to be wrong is not said again; it is as old as what it stands for."""
    treated(store, "s-1", 10, given("given"))
    amended = SessionAmended(field="consent", old="given", new="refused", reason="sha256:ab")
    store.append([(Draft(data=amended, session="s-1", actor="therapist"), stamp(40))])
    found = history(ChartReader(store.connection), AGAIN, NOW)

    assert isinstance(found, History)
    assert [("refused", "2026-03-02T08:00:10.000Z")] == [(one.answer, one.moment.at_utc) for one in found.earlier]


def test_a_round_counts_for_the_units_that_it_found_tested_on_its_day(store: ChartStore) -> None:
    """An open check is none, and tomorrow it is none of today."""
    checks = (
        RoundCheck(check="stop_switch", subject="traction-1", result="ok", found="pressed and let go"),
        RoundCheck(check="stop_switch", subject="traction-2", result="open", found="not tested"),
    )
    store.append([(Draft(data=RoundOpened(checks=checks), actor="therapist"), stamp(30))])
    reader = ChartReader(store.connection)
    found = history(reader, Start(id=1, unit="traction-1", patient="P-1", preset="x"), NOW)

    assert {"traction-1"} == switches_of_today(reader, NOW, "UTC")
    assert set() == switches_of_today(reader, "2026-03-03T00:00:01.000Z", "UTC")
    assert {"traction-1"} == switches_of_today(reader, "2026-03-03T00:00:01.000Z", "America/New_York")
    assert isinstance(found, History)
    assert [("stop_switch", "tested")] == [(one.gate, one.answer) for one in found.earlier]


def test_the_clocks_jumps_of_a_day_are_counted(store: ChartStore) -> None:
    """The round tells of a time service that does not work."""
    store.append([(Draft(data=ClockJumped(by_ms=5_000, clock="utc")), stamp(30))])

    assert 1 == jumps_of_a_day(ChartReader(store.connection), NOW)
    assert 0 == jumps_of_a_day(ChartReader(store.connection), "2026-03-04T00:00:00.000Z")
