"""The thermal dose of one session: what the skin's temperature adds up to, sample after sample. Integers only.

Rule 1: between two samples the warmer one counts, so that the sum is never below what the skin had.
Rule 2: a sample without a temperature adds nothing yet; the next one that has it counts for the whole gap.
Rule 3: warmth after off counts: skin does not cool because a heater is off.
"""

import msgspec

from devices.dose import thermal_dose
from devices.limits import Dose
from devices.model import NS_PER_MS, Sample
from modctl.engine.checks import Finding, Verdict
from modctl.engine.setup import Setup

THERMAL = "thermal_dose"  # the quantity of a ``Dose`` row that this module integrates
SKIN = "temp_mdegc"  # chosen: a pad's own surface is taken for the skin under it, which is never warmer


class Warmth(msgspec.Struct, frozen=True, kw_only=True):
    """What was added up so far, in billionths of the full dose, and the newest temperature with its time."""

    dose: int = 0
    temp_mdegc: int | None = None
    at_ns: int = 0

    def felt(self, sample: Sample) -> "Warmth":
        """The sum after one more sample."""
        temp_mdegc = sample.get(SKIN)
        if temp_mdegc is None:
            return self
        if self.temp_mdegc is None:
            return Warmth(dose=self.dose, temp_mdegc=temp_mdegc, at_ns=sample.at_ns)
        dwell_ms = -(-(sample.at_ns - self.at_ns) // NS_PER_MS)
        added = thermal_dose(max(self.temp_mdegc, temp_mdegc), dwell_ms)
        return Warmth(dose=self.dose + added, temp_mdegc=temp_mdegc, at_ns=sample.at_ns)


def dose_limit(setup: Setup) -> Dose | None:
    """The row that bounds a session's thermal dose; None where nothing measures it."""
    if not setup.doses:
        return None
    rows = (limit for limit in setup.doses if limit.quantity == THERMAL)
    return min(rows, key=lambda limit: limit.bound, default=None)


def judge_dose(setup: Setup, warmth: Warmth) -> Verdict | None:
    """The dose held against its bound, which is not to be reached; None while it is below, or is not bounded."""
    limit = dose_limit(setup)
    if limit is None or warmth.dose < limit.bound:
        return None
    return Verdict(
        limit=limit.id,
        finding=Finding.BREACH,
        observed=warmth.dose,
        bound=limit.bound,
        unit=limit.unit,
        source=limit.source,
    )
