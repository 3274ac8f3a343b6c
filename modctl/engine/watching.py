"""The sample gate: what a unit reports, held against every limit of the session. Missing and off are findings."""

from collections.abc import Mapping

import msgspec

from devices.limits import Deviation, Limit, Max, Min
from devices.model import NS_PER_MS, Contact, ObservedAs, Output, Sample
from modctl.engine.checks import Finding, Verdict, check_deviation, check_max, check_min
from modctl.engine.riding import Riding, is_more_intense
from modctl.engine.setup import Setup

REPORTING = (ObservedAs.MEASURED, ObservedAs.ECHOED)
Counts = tuple[tuple[str, int], ...]


class Trouble(msgspec.Struct, frozen=True):
    """Why a session must stop: a word for the chart, and the limit that said so."""

    reason: str
    verdict: Verdict | None = None


def judge_sample(
    setup: Setup, riding: Riding, sample: Sample, counts: Counts, now_ns: int
) -> tuple[Trouble | None, Counts]:
    """The first finding that counts, and the run of findings that do not count yet."""
    if sample.faults:
        return Trouble(f"unit_fault:{sample.faults[0]}"), counts
    if sample.output is Output.OFF:
        return Trouble("unit_switched_off"), counts
    if sample.output is Output.UNKNOWN:
        return Trouble("output_unknown"), counts
    runs: dict[str, int] = dict(counts)
    for limit in setup.limits:
        verdict = _judge(limit, setup, riding, sample, now_ns)
        if verdict is None or verdict.is_within:
            runs.pop(limit.id, None)
            continue
        runs[limit.id] = runs.get(limit.id, 0) + 1
        if runs[limit.id] >= limit.confirm:
            return Trouble(f"limit:{limit.id}", verdict), tuple(sorted(runs.items()))
    return None, tuple(sorted(runs.items()))


def judge_idle(setup: Setup, sample: Sample) -> tuple[str, Verdict] | None:
    """Before anything is energized: the first parameter that is not told, or past its limit; None when all is well.

    What a unit at rest says of its settings is no matter, and of its level only what would harm; every sensor that a
    limit needs must speak.
    """
    values: Mapping[str, int | None] = dict(sample.values)
    settings = dict(setup.settings)
    for limit in setup.limits:
        match limit:
            case Max() | Min() if limit.parameter in settings:
                continue
            case Max() if _is_harm(setup, limit.parameter, above=True) and _is_told(setup, limit.parameter, values):
                verdict = check_max(limit, values)
            case Min() if _is_harm(setup, limit.parameter, above=False) and _is_told(setup, limit.parameter, values):
                verdict = check_min(limit, values)
            case _:
                continue
        is_missing = verdict.finding is Finding.MISSING
        if not verdict.is_within and not (is_missing and limit.parameter == setup.level.parameter):
            return limit.parameter, verdict
    return None


def _judge(limit: Limit, setup: Setup, riding: Riding, sample: Sample, now_ns: int) -> Verdict | None:
    """One limit on one sample; None where the unit does not report what the limit is about."""
    values: Mapping[str, int | None] = dict(sample.values)
    match limit:
        case Max() if _is_harm(setup, limit.parameter, above=True) and _is_told(setup, limit.parameter, values):
            return check_max(limit, values)
        case Min() if _is_harm(setup, limit.parameter, above=False) and _is_told(setup, limit.parameter, values):
            return None if _is_interrupted(sample) else check_min(limit, values)
        case Deviation():
            return _judge_deviation(limit, setup, riding, sample, now_ns)
        case _:
            return None


def _is_harm(setup: Setup, parameter: str, *, above: bool) -> bool:
    """A level's bound on its mild side binds what is set, not what is reported: a pull takes up slack from nothing."""
    return parameter != setup.level.parameter or above is not setup.level.down_intensifies


def _is_told(setup: Setup, parameter: str, values: Mapping[str, int | None]) -> bool:
    return parameter in values or _is_reported(setup, parameter)


def _is_reported(setup: Setup, parameter: str) -> bool:
    return dict(setup.observed).get(parameter) in REPORTING


def _is_interrupted(sample: Sample) -> bool:
    return sample.output is Output.SUSPENDED or sample.contact is Contact.OPEN


def _judge_deviation(limit: Deviation, setup: Setup, riding: Riding, sample: Sample, now_ns: int) -> Verdict | None:
    if not _is_reported(setup, limit.parameter):
        return None
    reported = sample.get(limit.parameter)
    commanded = None if riding.commanded is None else riding.commanded.get(limit.parameter)
    if commanded is None:
        return None
    acked_ns = now_ns if riding.acked_ns is None else riding.acked_ns
    settling = sample.asked_ns < acked_ns or now_ns - acked_ns < limit.settle_ms * NS_PER_MS
    is_level = limit.parameter == setup.level.parameter
    if not settling and not (is_level and _is_interrupted(sample)):
        return check_deviation(limit, reported, commanded)
    if not is_level:
        return None
    if is_more_intense(setup.level, riding.previous_level, commanded):
        commanded = riding.previous_level
    if reported is not None and not is_more_intense(setup.level, reported, commanded):
        reported = commanded  # on the mild side of what was commanded: on its way
    return check_deviation(limit, reported, commanded)
