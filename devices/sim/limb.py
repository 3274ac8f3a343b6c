"""A limb under pull: what a cough and a slipping body do to the force in the rope. Figures are test values."""

from typing import Final

from devices.model import NS_PER_MS
from devices.sim.faults import FaultBoard

COUGH_MS: Final = 300  # chosen: shorter than the half second after which overforce counts
STIFFNESS_N_MM: Final = 2  # chosen
TAKE_UP_MS: Final = 1_000  # chosen: a constant-tension servo has the slack in again by then


def force_n(pull_n: int, board: FaultBoard, now_ns: int) -> int:
    """The force in the rope for a pull of the servo, never below 0; nothing is added to a rope that hangs loose."""
    if pull_n == 0:
        return 0
    force = pull_n
    cough, coughed_ns = board.get("cough"), board.since_ns("cough")
    if cough is not None and coughed_ns is not None and now_ns - coughed_ns < COUGH_MS * NS_PER_MS:
        force += cough.get("n", 0)
    slack, moved_ns = board.get("slack"), board.since_ns("slack")
    if slack is not None and moved_ns is not None:
        left_ms = max(0, TAKE_UP_MS - (now_ns - moved_ns) // NS_PER_MS)
        force -= slack.get("mm", 0) * STIFFNESS_N_MM * left_ms // TAKE_UP_MS
    return max(0, force)
