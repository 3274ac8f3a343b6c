"""The Modbus line of one unit, as its profile describes it, and what is told of its troubles. Shared by drivers."""

from collections.abc import Mapping
from typing import Final

from devices.driver import link_fault
from devices.model import NS_PER_MS, NS_PER_S, Fault, LinkFault
from devices.profile import Profile
from protocols.modbus import Framing, Trouble, TroubleKind
from protocols.modbus_line import ModbusLine

SHOWN_BYTES: Final = 16  # of a frame that is not believed; chosen: fits a label
START_AND_DATA_BITS: Final = 9
FAULT_OF: Final = {
    TroubleKind.CORRUPT: Fault.CORRUPT,
    TroubleKind.MALFORMED: Fault.MALFORMED,
    TroubleKind.FOREIGN: Fault.FOREIGN,
    TroubleKind.LATE: Fault.LATE,
}


def line_of(profile: Profile, custom: Mapping[int, int] | None = None) -> ModbusLine:
    """The line from this side. ``custom``: lengths of the answers to functions of the unit's own."""
    link = profile.link
    bits = START_AND_DATA_BITS + (link.parity != "N") + link.stop_bits
    return ModbusLine(
        Framing.TCP if link.kind == "tcp" else Framing.RTU,
        reply_ns=profile.liveness.reply_ms * NS_PER_MS,
        silence_ns=link.silence_us * 1_000,
        octet_ns=bits * NS_PER_S // link.baud,
        custom=custom,
    )


def unusable(now_ns: int, trouble: Trouble) -> LinkFault:
    """Bytes came that were no answer."""
    return link_fault(now_ns, FAULT_OF[trouble.kind], f"{trouble.why}: {trouble.frame[:SHOWN_BYTES].hex(' ')}")


def unanswered(now_ns: int, profile: Profile, arrived: int, to: str = "") -> LinkFault:
    """No whole answer in time; ``arrived`` bytes of one came."""
    asked = f" to {to}" if to else ""
    detail = f"no answer{asked} within {profile.liveness.reply_ms} ms, {arrived} bytes came"
    return link_fault(now_ns, Fault.TIMEOUT, detail)
