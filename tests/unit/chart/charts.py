"""Charts for tests: records of every kind, and small charts with sessions, made the way the controller makes them."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import inspect

from modctl.chart.keys import KeyFolder
from modctl.chart.reader import SessionRow
from modctl.chart.store import ChartStore, NewChart
from modctl.clock import Stamp
from modctl.records import Draft, Inputs, Record, SessionEnded, SessionRequested, SessionStarted, SetpointCommanded

# One session of a list, as a reader gives it.
ROW = SessionRow(
    session="s-1",
    unit="ultrasound-1",
    patient="P-001",
    preset="hip-oa-ultrasound-1mhz",
    started_at_utc="2026-03-02T08:00:00.000Z",
    outcome="completed",
    planned_ms=300_000,
    delivered_ms=300_000,
    simulated=True,
    overrides=0,
    actor="anna",
    modality="ultrasound",
    reason="planned_time",
    seq=3,
)
BOOT = "0f2d5c1e-7a9b-4c3d-8e1f-000000000001"
NS_PER_S = 1_000_000_000

_R = TypeVar("_R", bound=Record)


def sample(kind: type[_R], **fields: object) -> _R:
    """A record with every field filled from its type, but for those that are given."""
    filled = {name: _value(field.type, name) for name, field in _fields(kind).items()} | fields
    return msgspec.convert(filled, kind)


def stamp(second: int, boot: str = BOOT) -> Stamp:
    """The moment ``second`` seconds into the test's day and boot."""
    at_utc = f"2026-03-02T{8 + second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.000Z"
    return Stamp(at_utc=at_utc, mono_ns=second * NS_PER_S, boottime_ns=second * NS_PER_S, boot=boot)


def make_chart(
    folder: Path, *, site: str = "Clinic A", simulated: bool = True, seed: int = 1, anchors: Sequence[Path] = ()
) -> ChartStore:
    """A new chart with seeded keys: ``folder/chart.db`` and ``folder/keys``."""
    folder.mkdir(parents=True, exist_ok=True)
    new = NewChart(site=site, simulated=simulated, program="modctl 0.1.0")
    return ChartStore.create(folder / "chart.db", seeded_keys(folder, seed), new, stamp(0), anchors)


def open_chart(folder: Path, *, seed: int = 2, anchors: Sequence[Path] = ()) -> ChartStore:
    """Continue the chart in a folder; later keys come from ``seed``."""
    return ChartStore.open(folder / "chart.db", seeded_keys(folder, seed), anchors)


def seeded_keys(folder: Path, seed: int) -> KeyFolder:
    """The key folder of a test's site."""
    return KeyFolder(folder / "keys", random.Random(seed).randbytes)


def run_session(
    store: ChartStore,
    session: str,
    *,
    second: int,
    seconds: int = 3,
    outcome: str = "completed",
    patient: str = "p-1",
    unit: str = "estim-1",
    actor: str = "therapist",
    rotate: bool = True,
) -> None:
    """Chart one session of ``seconds`` inputs, the way the engine does it; ended and followed by a new key."""
    simulated = store.genesis.simulated
    asked = sample(SessionRequested, unit=unit, patient=patient)
    started = sample(SessionStarted, unit=unit, patient=patient, simulated=simulated, preset="hip-nmes")
    store.append([(Draft(data=asked, session=session, actor=actor), stamp(second))])
    store.append([(Draft(data=started, session=session, actor=actor), stamp(second))])
    level = sample(SetpointCommanded, cause="person")
    store.append([(Draft(data=level, session=session, actor=actor), stamp(second))])
    for at in range(second, second + seconds):
        store.append([(Draft(data=inputs(at), session=session), stamp(at))])
    ended = sample(SessionEnded, outcome=outcome)
    store.append([(Draft(data=ended, session=session), stamp(second + seconds))])
    if rotate:
        store.rotate(stamp(second + seconds))


def inputs(second: int) -> Inputs:
    """One second of what reached a session's reducer; no two seconds are alike."""
    events = f'[[0,{{"type":"tick"}}],[50000000,{{"type":"sample","second":{second}}}]]'
    return sample(Inputs, from_ns=second * NS_PER_S, events=msgspec.Raw(events.encode()))


def _fields(kind: type[msgspec.Struct]) -> dict[str, inspect.Field]:
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)
    return {field.name: field for field in described.fields}


def _value(wanted: inspect.Type, name: str) -> object:
    """A made-up value that says which field it is of."""
    match wanted:
        case inspect.UnionType():
            return _value(next(one for one in wanted.types if not isinstance(one, inspect.NoneType)), name)
        case inspect.StructType():
            return {key: _value(field.type, key) for key, field in _fields(wanted.cls).items()}
        case inspect.VarTupleType():
            return [_value(wanted.item_type, name)]
        case inspect.TupleType():
            return [_value(one, name) for one in wanted.item_types]
        case inspect.BoolType():
            return True
        case inspect.IntType():
            return len(name)
        case inspect.RawType():
            return msgspec.Raw(b'{"made":"up"}')
        case inspect.StrType():
            return name
        case _:
            raise NotImplementedError(f"no made-up value for {wanted} of {name}")
