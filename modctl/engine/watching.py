"""The sample gate: what a unit reports, held against every limit of the session. Missing and off are findings."""

from collections.abc import Mapping

import msgspec

from devices.dose import INPUTS
from devices.limits import Combination, Deviation, Limit, Max, Min, Witness
from devices.model import NS_PER_MS, Contact, Output, Sample
from modctl.engine.checks import (
    Verdict,
    check_combination,
    check_deviation,
    check_max,
    check_min,
    check_witness,
    check_witness_age,
)
from modctl.engine.riding import Riding, is_more_intense
from modctl.engine.setup import Setup
from modctl.records import LimitBreached, Quantity

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
    values = dict(sample.values)
    for limit in setup.on_samples:
        verdict = _judge(limit, setup, riding, sample, values, now_ns)
        if verdict is None or verdict.is_within:
            runs.pop(limit.id, None)
            continue
        runs[limit.id] = runs.get(limit.id, 0) + 1
        if runs[limit.id] >= limit.confirm:
            return Trouble(f"limit:{limit.id}", verdict), tuple(sorted(runs.items()))
    return None, tuple(sorted(runs.items()))


def judge_witness(setup: Setup, told: int | None, witnessed: int, counts: Counts) -> tuple[Trouble | None, Counts]:
    """The reading of the instrument beside the unit, held against the unit's own."""
    runs: dict[str, int] = dict(counts)
    for limit in setup.limits:
        if not isinstance(limit, Witness):
            continue
        verdict = check_witness(limit, told, witnessed)
        runs[limit.id] = 0 if verdict.is_within else runs.get(limit.id, 0) + 1
        if runs[limit.id] >= limit.confirm:
            return Trouble("witnesses_differ", verdict), tuple(sorted(runs.items()))
    return None, tuple(sorted(runs.items()))


def silent_witness(setup: Setup, witnessed_ns: int | None, now_ns: int) -> Trouble | None:
    """The instrument beside the unit has said nothing for too long."""
    if setup.witness is None or witnessed_ns is None:
        return None
    verdict = check_witness_age(setup.witness, now_ns - witnessed_ns)
    return None if verdict.is_within else Trouble("witness_silent", verdict)


def breached(verdict: Verdict) -> LimitBreached:
    """A finding, for the chart."""
    return LimitBreached(
        limit=verdict.limit,
        finding=verdict.finding,
        observed=None if verdict.observed is None else Quantity(verdict.observed, verdict.unit),
        bound=Quantity(verdict.bound, verdict.unit),
        source=verdict.source,
    )


def _judge(
    limit: Limit, setup: Setup, riding: Riding, sample: Sample, values: Mapping[str, int | None], now_ns: int
) -> Verdict | None:
    """One limit on one sample; None where the unit does not report what the limit is about."""
    match limit:
        case Max() if is_told(setup, limit.parameter, values):
            return check_max(limit, values)
        case Min() if is_told(setup, limit.parameter, values):
            return None if _is_interrupted(sample) else check_min(limit, values)
        case Deviation():
            return _judge_deviation(limit, setup, riding, sample, now_ns)
        case Combination():
            return judge_together(limit, setup, riding, values)
        case _:
            return None


def judge_together(
    limit: Combination, setup: Setup, riding: Riding, values: Mapping[str, int | None]
) -> Verdict | None:
    """What is measured, and what is only set where the unit measures nothing of it; None where it measures nothing.

    What the unit should tell and does not is missing, and so is what cannot be computed without it.
    """
    told = [name for name in INPUTS[limit.quantity] if is_told(setup, name, values)]
    if not told:
        return None
    known = {**setup.stated, setup.level.parameter: riding.level}
    for name in told:
        value = values.get(name)
        if value is None:
            known.pop(name, None)
        else:
            known[name] = value
    return check_combination(limit, known)


def judge_given(setup: Setup, dose_upper: int) -> Verdict | None:
    """What was given so far, at most, by the area that it went into; None while no row finds anything.

    ``dose_upper`` is level times nanoseconds: all of it in one millisecond is the same dose.
    """
    level = -(-dose_upper // NS_PER_MS)
    for limit in setup.adding_up:
        verdict = check_combination(limit, {**setup.stated, setup.level.parameter: level, "duration_ms": 1})
        if not verdict.is_within:
            return verdict
    return None


def is_told(setup: Setup, parameter: str, values: Mapping[str, int | None]) -> bool:
    """The unit reports it, or is one that should."""
    return parameter in values or setup.is_reported(parameter)


def _is_interrupted(sample: Sample) -> bool:
    return sample.output is Output.SUSPENDED or sample.contact is Contact.OPEN


def _is_at_its_end(setup: Setup, sample: Sample, reported: int | None, commanded: int) -> bool:
    """The unit itself says that it cannot give what is commanded, and gives less: no harm, and no level to raise."""
    is_less = reported is not None and is_more_intense(setup.level, commanded, reported)
    return is_less and sample.contact is Contact.POOR


def _judge_deviation(limit: Deviation, setup: Setup, riding: Riding, sample: Sample, now_ns: int) -> Verdict | None:
    reported = sample.get(limit.parameter)
    commanded = None if riding.commanded is None else riding.commanded.get(limit.parameter)
    if commanded is None:
        return None
    acked_ns = now_ns if riding.acked_ns is None else riding.acked_ns
    settling = sample.asked_ns < acked_ns or now_ns - acked_ns < limit.settle_ms * NS_PER_MS
    is_level = limit.parameter == setup.level.parameter
    if is_level and _is_at_its_end(setup, sample, reported, commanded):
        return None
    if not settling and not (is_level and _is_interrupted(sample)):
        return check_deviation(limit, reported, commanded)
    if not is_level:
        return None
    if is_more_intense(setup.level, riding.previous_level, commanded):
        commanded = riding.previous_level
    if reported is not None and not is_more_intense(setup.level, reported, commanded):
        reported = commanded  # on the mild side of what was commanded: on its way
    return check_deviation(limit, reported, commanded)
