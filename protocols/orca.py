"""The ORCA linear motor's own Modbus function 100: one force command and one telemetry answer in one exchange.

Sources: Iris Dynamics orcaSDK (actuator.cpp, orca_stream.cpp), pyorcasdk 1.1.1 as captured on a line, ArduPilot's
AP_IrisOrca (an independent client). Request: register, value (i32). Answer: position (i32), force (i32), power (u16),
temperature (u8), supply (u16), errors (u16). Numbers are plain big endian here; in register reads of this unit the low
word comes first.

Rule 1: register 28 is a force and energizes; any other register than 28 and 30 commands nothing, of those only 0 is
        written. A position (30) is never written: nothing here moves to a place, whoever stands there.
Rule 2: the unit's communication timeout is fed by force commands. Asking with register 0 feeds nothing.
Rule 3: a force below what the unit was last known to hold can only take energy away. Only while a release is wanted
        does that make it Off; at any other time it is a level like every other.
"""

import struct
from collections.abc import Mapping
from typing import Final

import msgspec

from protocols import modbus_inspect
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.inspect import Energize, FrameKind, Off, Query, Unknown
from protocols.modbus import Custom, Framing
from protocols.modbus_crc import crc16
from protocols.registers import RegisterMap

COMMAND_STREAM: Final = 100
FORCE_CMD: Final = 28  # register; position is 30
NOTHING: Final = 0  # ArduPilot's "sleep data stream"
REQUEST_BYTES: Final = 9
_ANSWER: Final = struct.Struct(">iiHBHH")
ANSWERS: Final[Mapping[int, int]] = {COMMAND_STREAM: _ANSWER.size}
MN_PER_N: Final = 1_000
LEVEL: Final = "force_n"


class Streamed(msgspec.Struct, frozen=True, kw_only=True):
    """What the motor tells with every answer of the stream. ``errors`` are the bits of ERROR_0."""

    position_um: int
    force_mn: int
    power_w: int
    temp_degc: int
    supply_mv: int
    errors: int


def stream_force(unit: int, force_n: int) -> Custom:
    """Command a force in newton (feeds the unit's timeout); LocalProtocolError for what 32 bits cannot say."""
    return Custom(unit=unit, function=COMMAND_STREAM, octets=_command(FORCE_CMD, force_n * MN_PER_N))


def stream_nothing(unit: int) -> Custom:
    """Ask for the telemetry and command nothing."""
    return Custom(unit=unit, function=COMMAND_STREAM, octets=_command(NOTHING, 0))


def streamed(octets: bytes) -> Streamed:
    """The telemetry that stands behind the function in the answer; RemoteProtocolError if it is not whole."""
    if len(octets) != _ANSWER.size:
        raise RemoteProtocolError(f"{len(octets)} bytes, telemetry has {_ANSWER.size}", octets)
    position_um, force_mn, power_w, temp_degc, supply_mv, errors = _ANSWER.unpack(octets)
    return Streamed(
        position_um=position_um,
        force_mn=force_mn,
        power_w=power_w,
        temp_degc=temp_degc,
        supply_mv=supply_mv,
        errors=errors,
    )


def inspect(frame: bytes, unit: RegisterMap, low_n: int, high_n: int, release_below_n: int | None = None) -> FrameKind:
    """The meaning of exactly one outgoing frame.

    ``low_n`` and ``high_n`` bound the forces that are levels, both inclusive. ``release_below_n``: while a release is
    wanted, the force that the unit was last known to hold (rule 3); None at all other times.
    """
    if len(frame) < 2 or frame[1] != COMMAND_STREAM:
        return modbus_inspect.inspect(frame, unit, Framing.RTU)
    if len(frame) != REQUEST_BYTES or crc16(frame):
        return Unknown("no whole stream request, or a wrong checksum")
    if frame[0] != unit.unit_address:
        return Unknown(f"for unit {frame[0]}, not {unit.unit_address}")
    register, value = struct.unpack_from(">Bi", frame, 2)
    if register == NOTHING and value == 0:
        return Query(feeds_lease=False)
    if register != FORCE_CMD:
        return Unknown(f"streams to register {register}")
    return _force(value, low_n, high_n, release_below_n)


def _force(value_mn: int, low_n: int, high_n: int, release_below_n: int | None) -> FrameKind:
    force_n, rest = divmod(value_mn, MN_PER_N)
    if rest or not low_n <= force_n <= high_n:
        return Unknown(f"{value_mn} mN is not a whole newton in {low_n}..{high_n}")
    if release_below_n is not None and force_n < release_below_n:
        return Off()
    return Energize((((LEVEL, force_n),),))


def _command(register: int, value: int) -> bytes:
    try:
        return struct.pack(">Bi", register, value)
    except struct.error as error:
        raise LocalProtocolError(f"{value} does not fit a command of the stream") from error
