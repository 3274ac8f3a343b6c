"""What an outgoing Modbus frame means on one unit: the frame gate's eyes.

Rule 1: a frame means something only if it parses completely, is for this unit, and touches whole registers of the map.
Rule 2: a write means what the effects of its registers say together; effects that do not go together are Unknown.
Rule 3: reads feed no lease on any map of ours; a unit whose lease is fed by reads needs a protocol of its own.
"""

from protocols.blocks import covers
from protocols.errors import RemoteProtocolError
from protocols.inspect import Config, Energize, FrameKind, Levels, Off, Query, Unknown
from protocols.modbus import Framing, Function, Request, decode_request
from protocols.registers import Access, Effect, Register, RegisterMap, Table, decode, encode, words_of

PERMIT = "permit"  # the name under which a lease write states the sequence that it carries
_TABLE_OF = {Function.READ_HOLDING: Table.HOLDING, Function.READ_INPUT: Table.INPUT}

_Stated = tuple[tuple[Register, int], ...]


def inspect(frame: bytes, unit: RegisterMap, framing: Framing) -> FrameKind:
    """The meaning of exactly one frame. Levels are named by canonical parameter, else by register."""
    try:
        request = decode_request(frame, framing)
    except RemoteProtocolError as error:
        return Unknown(error.why)
    if request.unit != unit.unit_address:
        return Unknown(f"for unit {request.unit}, not {unit.unit_address}")
    table = _TABLE_OF.get(request.function)
    if table is not None:
        if covers(unit, table, request.address, request.count):
            return Query(feeds_lease=False)
        return Unknown(f"reads {request.count} from {request.address}, which the map does not have so")
    if request.function is Function.READ_WRITE:
        return Unknown("reads and writes in one frame")
    stated = _stated(request, unit)
    return stated if isinstance(stated, Unknown) else _meaning(stated)


def _stated(request: Request, unit: RegisterMap) -> _Stated | Unknown:
    """The writable registers that the frame covers exactly, and what it states for each."""
    stated: list[tuple[Register, int]] = []
    done = 0
    while done < request.count:
        register = unit.holding.get(request.address + done)
        if register is None or register.access is Access.READ or register.effect is Effect.NONE:
            return Unknown(f"writes {request.address + done}, which is not a writable register of the map")
        words = request.values[done : done + words_of(register)]
        if len(words) < words_of(register):
            return Unknown(f"writes a part of {register.name}")
        value = decode(register, words)
        if value is None or register.min is None or register.max is None:
            return Unknown(f"writes no value to {register.name}")
        if not register.min <= value <= register.max or encode(register, value) != words:
            return Unknown(f"{register.name}: {value} is not in {register.min}..{register.max} or not on its grid")
        stated.append((register, value))
        done += words_of(register)
    return tuple(stated)


def _meaning(stated: _Stated) -> FrameKind:
    """Rule 2: one effect alone, or levels together with an enable that switches on."""
    effects = {register.effect for register, _ in stated}
    is_off = [
        value in (register.off_value, register.slow_off_value)
        for register, value in stated
        if register.effect is Effect.ENABLE
    ]
    levels = _named(stated, Effect.LEVEL)
    if effects == {Effect.ENABLE}:
        return Off() if all(is_off) else Energize(((),))
    if effects == {Effect.LEVEL} or (effects == {Effect.LEVEL, Effect.ENABLE} and not any(is_off)):
        return Energize((levels,))
    if effects == {Effect.LEASE}:
        return Config(values=tuple((PERMIT, value) for _, value in stated), feeds_lease=True)
    if effects == {Effect.CONFIG}:
        return Config(values=_named(stated, Effect.CONFIG))
    return Unknown(f"mixes {', '.join(sorted(effects))} in one frame")


def _named(stated: _Stated, effect: Effect) -> Levels:
    return tuple(
        (register.parameter or register.name, value) for register, value in stated if register.effect is effect
    )
