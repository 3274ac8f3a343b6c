"""Where a session's time goes. Every nanosecond since the start lies in exactly one account.

``delivered`` counts only while the unit's last confirmed state is *executing as commanded*; when samples stop
coming, the time since the last one is taken back and becomes ``unknown``. Dose has a lower and an upper bound,
which part where the unit left doubt.
"""

from enum import StrEnum

import msgspec

from devices.model import NEVER_NS, Output


class Doing(StrEnum):
    """What the time is being spent on."""

    NOTHING = "nothing"
    DELIVERED = "delivered"
    NO_CONTACT = "no_contact"
    PAUSED = "paused"
    STOPPING = "stopping"


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts in nanoseconds; dose in level times nanoseconds."""

    mark_ns: int
    doing: Doing = Doing.NOTHING
    is_energized: bool = False  # output could differ from off
    is_running: bool = False  # the first ramp step was acknowledged
    level_low: int = 0
    level_high: int = 0
    level_apart: int = 0  # what is measured while the unit says that it holds its output: a rope pulls at its minimum
    delivered_ns: int = 0
    no_contact_ns: int = 0
    paused_ns: int = 0
    unknown_ns: int = 0
    stopping_ns: int = 0
    unsettled_ns: int = 0  # the part of stopping_ns since off was last confirmed
    energized_ns: int = 0
    dose_lower: int = 0
    dose_upper: int = 0

    def delivered_at(self, now_ns: int) -> int:
        """Delivered time at a moment not before the mark."""
        running = now_ns - self.mark_ns if self.doing is Doing.DELIVERED else 0
        return self.delivered_ns + running

    def moment_of(self, delivered_ns: int) -> int:
        """When the delivered time will reach a value if nothing changes; never, while it stands still."""
        if self.doing is not Doing.DELIVERED:
            return NEVER_NS
        return self.mark_ns + max(0, delivered_ns - self.delivered_ns)

    def expecting(self, level: int) -> "Ledger":
        """Another level was commanded: until a sample says which is in force, it may be either."""
        return msgspec.structs.replace(
            self, level_low=min(self.level_low, level), level_high=max(self.level_high, level)
        )

    def energizing(self, now_ns: int) -> "Ledger":
        """The first frame that energizes goes out."""
        return msgspec.structs.replace(account(self, now_ns), is_energized=True, doing=Doing.NOTHING)

    def stopping(self, now_ns: int) -> "Ledger":
        """Off goes out: delivery ends here; the output counts as energized until off is confirmed."""
        return msgspec.structs.replace(account(self, now_ns), doing=Doing.STOPPING)

    def slept(self, slept_ns: int) -> "Ledger":
        """Nobody was awake for so long, and no clock of ours ran: an output that was on may have gone on throughout."""
        if not self.is_energized:
            return self
        return msgspec.structs.replace(
            self,
            unknown_ns=self.unknown_ns + slept_ns,
            energized_ns=self.energized_ns + slept_ns,
            dose_upper=self.dose_upper + self.level_high * slept_ns,
        )

    def paused(self, now_ns: int) -> "Ledger":
        """Off is confirmed for a pause."""
        return msgspec.structs.replace(account(self, now_ns), doing=Doing.PAUSED, is_energized=False, unsettled_ns=0)

    def ended(self, now_ns: int, *, confirmed: bool = True) -> "Ledger":
        """The session is over. Without a confirmed off, the time since the last one is unknown, not spent stopping."""
        closed = msgspec.structs.replace(account(self, now_ns), doing=Doing.NOTHING, is_energized=False)
        if confirmed:
            return closed
        return msgspec.structs.replace(
            closed,
            unknown_ns=closed.unknown_ns + closed.unsettled_ns,
            stopping_ns=closed.stopping_ns - closed.unsettled_ns,
            unsettled_ns=0,
        )


def account(ledger: Ledger, now_ns: int) -> Ledger:
    """Book the time since the mark to what was being done."""
    spent = now_ns - ledger.mark_ns
    if spent <= 0:
        return ledger
    energized = ledger.energized_ns + spent if ledger.is_energized else ledger.energized_ns
    ledger = msgspec.structs.replace(ledger, mark_ns=now_ns, energized_ns=energized)
    match ledger.doing:
        case Doing.DELIVERED:
            return msgspec.structs.replace(
                ledger,
                delivered_ns=ledger.delivered_ns + spent,
                dose_lower=ledger.dose_lower + ledger.level_low * spent,
                dose_upper=ledger.dose_upper + ledger.level_high * spent,
            )
        case Doing.NO_CONTACT:
            return msgspec.structs.replace(
                ledger,
                no_contact_ns=ledger.no_contact_ns + spent,
                dose_upper=ledger.dose_upper + ledger.level_apart * spent,
            )
        case Doing.PAUSED:
            return msgspec.structs.replace(ledger, paused_ns=ledger.paused_ns + spent)
        case Doing.STOPPING:
            given = ledger.level_high * spent if ledger.is_energized else 0  # until off is confirmed it may go on
            return msgspec.structs.replace(
                ledger,
                stopping_ns=ledger.stopping_ns + spent,
                unsettled_ns=ledger.unsettled_ns + spent,
                dose_upper=ledger.dose_upper + given,
            )
        case _:
            return ledger


def observed(ledger: Ledger, output: Output, commanded: int, measured: int | None) -> Ledger:
    """A confirmed state: from here on the time is spent on what the unit says it does."""
    low = commanded if measured is None else min(commanded, measured)
    high = commanded if measured is None else max(commanded, measured)
    doing = Doing.DELIVERED if output is Output.ENERGIZED else Doing.NO_CONTACT
    return msgspec.structs.replace(
        ledger, doing=doing, is_running=True, level_low=low, level_high=high, level_apart=max(0, measured or 0)
    )


def close_doubt(ledger: Ledger, since_ns: int) -> Ledger:
    """Take back what was booked as delivered since the last sample: nobody knows what was done."""
    if ledger.doing is not Doing.DELIVERED:
        return ledger
    doubt = max(0, min(ledger.mark_ns - since_ns, ledger.delivered_ns))
    return msgspec.structs.replace(
        ledger,
        delivered_ns=ledger.delivered_ns - doubt,
        unknown_ns=ledger.unknown_ns + doubt,
        dose_lower=max(0, ledger.dose_lower - ledger.level_low * doubt),
    )
