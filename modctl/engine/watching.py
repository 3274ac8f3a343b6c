"""The sample gate: what a unit reports, held against every limit of the session. Missing and off are findings."""

from collections.abc import Mapping

import msgspec

from devices.limits import Deviation, Limit, Max, Min
from devices.model import NS_PER_MS, UCUM_OF, Contact, ObservedAs, Output, Sample
from modctl.engine.checks import Verdict, check_deviation, check_max, check_min
from modctl.engine.riding import Riding, is_more_intense
from modctl.engine.setup import Setup
from modctl.records import LimitBreached, Quantity

REPORTING = (ObservedAs.MEASURED, ObservedAs.ECHOED)
TEMPERATURE_UNIT = UCUM_OF["temp_mdegc"]
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


def unfit_to_start(setup: Setup, sample: Sample) -> Verdict | None:
    """What a unit that is still off reports of its temperatures, held against the session's bounds: the first finding.

    Only temperatures: they are there before output is, and are what makes a start a harm.
    """
    values: Mapping[str, int | None] = dict(sample.values)
    for limit in setup.limits:
        if not isinstance(limit, Max | Min) or UCUM_OF[limit.parameter] != TEMPERATURE_UNIT:
            continue
        is_above = isinstance(limit, Max)
        if not _is_harm(setup, limit.parameter, above=is_above) or not _is_told(setup, limit.parameter, values):
            continue
        verdict = check_max(limit, values) if isinstance(limit, Max) else check_min(limit, values)
        if not verdict.is_within:
            return verdict
    return None


def breached(verdict: Verdict) -> LimitBreached:
    """A finding, for the chart."""
    return LimitBreached(
        limit=verdict.limit,
        finding=verdict.finding,
        observed=None if verdict.observed is None else Quantity(verdict.observed, verdict.unit),
        bound=Quantity(verdict.bound, verdict.unit),
        source=verdict.source,
    )


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


def _is_at_its_end(setup: Setup, sample: Sample, reported: int | None, commanded: int) -> bool:
    """The unit itself says that it cannot give what is commanded, and gives less: no harm, and no level to raise."""
    is_less = reported is not None and is_more_intense(setup.level, commanded, reported)
    return is_less and sample.contact is Contact.POOR


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
