"""Questions that fall due while there is output: when, what being late does, and what an answer does.

Rule 1: what is due stays due until it is answered; *not done* is charted and answers nothing.
Rule 2: late holds what can be held. A pack cannot be held: TAKE THE PACK OFF repeats until a person answers.
Rule 3: time without output is nobody's skin's: it brings no question nearer.
"""

import msgspec

from devices.model import NEVER_NS, NS_PER_MS, NS_PER_S
from modctl.engine.ledger import Ledger
from modctl.engine.setup import CheckSpec, Setup

REMIND_NS = 15 * NS_PER_S  # IEC 60601-1-8: bursts of a high alarm repeat within 15 s


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """One repeated question: when it falls due next, or since when it waits for its answer."""

    gate: str
    at_energized_ns: int  # in time with output
    since_ns: int | None = None
    is_late: bool = False


Dues = tuple[Due, ...]


def first_dues(setup: Setup) -> Dues:
    """Every question of a session, none due yet."""
    return tuple(Due(gate=check.gate.gate, at_energized_ns=check.every_ns) for check in setup.checks)


def spec_of(setup: Setup, due: Due) -> CheckSpec:
    """What a question is, by its name; there is one for each."""
    return next(check for check in setup.checks if check.gate.gate == due.gate)


def open_due(dues: Dues) -> Due | None:
    """The question that waits for an answer, the first of them; None when none does."""
    return next((due for due in dues if due.since_ns is not None), None)


def next_due_ns(setup: Setup, dues: Dues, ledger: Ledger) -> int:
    """When a question falls due or becomes late, if nothing changes before."""
    times: list[int] = [NEVER_NS]
    for due in dues:
        if due.since_ns is None:
            if ledger.is_energized:
                times.append(ledger.mark_ns + max(0, due.at_energized_ns - ledger.energized_ns))
        elif not due.is_late:
            times.append(due.since_ns + spec_of(setup, due).grace_ns)
    return min(times)


def fall_due(dues: Dues, ledger: Ledger, now_ns: int) -> tuple[Dues, Dues]:
    """All questions after this moment, and those of them that fell due in it."""
    after = tuple(
        msgspec.structs.replace(due, since_ns=now_ns)
        if due.since_ns is None and ledger.energized_ns >= due.at_energized_ns
        else due
        for due in dues
    )
    return after, tuple(new for old, new in zip(dues, after, strict=True) if old is not new)


def grow_late(setup: Setup, dues: Dues, now_ns: int) -> tuple[Dues, Dues]:
    """All questions after this moment, and those of them whose grace ended in it."""
    after = tuple(
        msgspec.structs.replace(due, is_late=True)
        if due.since_ns is not None and not due.is_late and now_ns >= due.since_ns + spec_of(setup, due).grace_ns
        else due
        for due in dues
    )
    return after, tuple(new for old, new in zip(dues, after, strict=True) if old is not new)


def answered(setup: Setup, dues: Dues, gate: str, answer: str, ledger: Ledger) -> Dues:
    """All questions after an answer to one of them: it falls due again when its time with output has passed."""

    def after(due: Due) -> Due:
        check = spec_of(setup, due)
        if due.gate != gate or answer in check.leaves_open:
            return due
        return Due(gate=gate, at_energized_ns=ledger.energized_ns + check.every_ns)

    return tuple(after(due) for due in dues)


def grace_ms(setup: Setup, due: Due) -> int:
    """How long a question may wait, for the chart."""
    return spec_of(setup, due).grace_ns // NS_PER_MS
