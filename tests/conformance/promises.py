"""What a model promises about off, fault by fault: the same for the tables in virtual time and of real processes."""

from typing import Final

from devices.bench import FAULTS, Group
from devices.profile import Profile, ProfileError, load

# Beyond the budget that a profile promises for a healthy line and an obedient unit, up to its deadline.
LATE_OFF: Final = frozenset(
    {
        *(fault for fault, spec in FAULTS.items() if spec.group is Group.WIRE),
        *("hang", "busy", "ignore-stop", "slow-stop", "apply-late", "apply-twice", "stuck-on"),
    }
)

# A unit that says *off* while it is not cannot be found out from its line; the stop has to be obeyed all the same.
LIES: Final = frozenset({"state-mismatch", "forge", "frozen", "stuck"})
OFF_CHECK: Final = "every_fault_ends_off_or_unconfirmed"


def exempted(model: str) -> dict[str, str]:
    """Check -> reason, of one model."""
    try:
        return {one.check: one.reason for one in load(model).exemption}
    except ProfileError:
        return {}


def stop_bound_ms(profile: Profile, fault: str) -> int:
    """Within what time of a stop the output must be off in truth, if it is to be called stopped."""
    return (profile.off.deadline_ms if fault in LATE_OFF else profile.off.budget_ms) + 2
