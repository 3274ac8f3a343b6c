"""What a unit at rest says, held against the limits of the session that is to begin on it."""

from collections.abc import Mapping

from devices.limits import Max, Min
from devices.model import Sample
from modctl import text
from modctl.engine.checks import Finding, Verdict, check_max, check_min
from modctl.engine.setup import Setup
from modctl.engine.watching import is_told


def unfit_to_start(setup: Setup, sample: Sample) -> tuple[Verdict, str] | None:
    """The first parameter that is not told, or past its limit, with a sentence; None when all is well.

    What a unit at rest says of its settings is no matter, and of its level only what would harm; every sensor that a
    limit needs must speak.
    """
    values: Mapping[str, int | None] = dict(sample.values)
    settings = dict(setup.settings)
    for limit in setup.on_samples:
        match limit:
            case Max() | Min() if limit.parameter in settings:
                continue
            case Max() if is_told(setup, limit.parameter, values):
                verdict = check_max(limit, values)
            case Min() if is_told(setup, limit.parameter, values):
                verdict = check_min(limit, values)
            case _:
                continue
        is_missing = verdict.finding is Finding.MISSING
        if not verdict.is_within and not (is_missing and limit.parameter == setup.level.parameter):
            return verdict, _said(limit.parameter, verdict)
    return None


def _said(parameter: str, verdict: Verdict) -> str:
    name = text.parameter(parameter)
    if verdict.observed is None:
        return f"The unit tells no {name}: check the sensor and its plug."
    observed, bound = text.quantity(parameter, verdict.observed), text.quantity(parameter, verdict.bound)
    return f"The {name} is {observed}, past its limit of {bound} ({verdict.limit})."
