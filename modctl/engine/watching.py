"""The sample gate: what a unit reports, held against every limit of the session. Missing and off are findings."""

from collections.abc import Mapping

import msgspec

from devices.limits import Deviation, Limit, Max, Min
from devices.model import NS_PER_MS, Contact, ObservedAs, Output, Sample
from modctl.engine.checks import Verdict, check_deviation, check_max, check_min
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


def _judge(limit: Limit, setup: Setup, riding: Riding, sample: Sample, now_ns: int) -> Verdict | None:
    """One limit on one sample; None where the unit does not report what the limit is about."""
    values: Mapping[str, int | None] = dict(sample.values)
    match limit:
        case Max() if limit.parameter in values or _is_reported(setup, limit.parameter):
            return check_max(limit, values)
        case Min() if limit.parameter in values or _is_reported(setup, limit.parameter):
            return None if _is_interrupted(sample) else check_min(limit, values)
        case Deviation():
            return _judge_deviation(limit, setup, riding, sample, now_ns)
        case _:
            return None


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
    if not settling and not _is_interrupted(sample):
        return check_deviation(limit, reported, commanded)
    if limit.parameter == setup.level.parameter and is_more_intense(setup.level, riding.previous_level, commanded):
        commanded = riding.previous_level
    return check_deviation(msgspec.structs.replace(limit, above_only=True), reported, commanded)
