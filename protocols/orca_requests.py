"""Everything that is ever said to an ORCA, as requests made from its register map: what is not here cannot be said."""

from enum import StrEnum
from typing import Final

import msgspec

from protocols import orca
from protocols.blocks import Block, plan, values
from protocols.modbus import Asked, Function, read, write
from protocols.registers import Register, RegisterMap, encode, find

SLEEP: Final = 1
FORCE: Final = 2
MODES: Final = frozenset({1, 2, 3, 4, 5, 55})  # orca_modes.h: sleep, force, position, haptic, kinematic, auto-zero
LIMITS: Final = ("max_temp", "max_force", "max_power")  # neighbours in the map: one write, one read
IDENTITY: Final = ("serial", "firmware_major", "firmware_release", "firmware_revision")


class For(StrEnum):
    """What a request is for."""

    OFF = "off"
    RELEASE = "release"
    IDENTITY = "identity"
    PROBE = "who answers"
    SET = "set up"
    CHECK = "read back"
    FORCE = "force"
    MODE = "mode"
    TELEMETRY = "telemetry"


ENERGIZING: Final = frozenset({For.SET, For.CHECK, For.FORCE})


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A request and what it is for. ``words``: what a CHECK must find; ``force_n``: what the stream commands."""

    why: For
    request: Asked
    words: tuple[int, ...] = ()
    force_n: int | None = None
    at_ns: int = 0  # when it was handed to the line


class OrcaRequests:
    """The requests to one motor. The values that are written stand in the map: a register's only one is its ``max``."""

    def __init__(self, unit: RegisterMap, rest_n: int) -> None:
        self._map = unit
        self._rest_n = rest_n
        self._identity = self._block(*IDENTITY)
        self._serial = self._block("serial")
        self.sleep = Ask(why=For.OFF, request=self._write("mode_command", SLEEP))
        self.pull = Ask(why=For.SET, request=self._write("mode_command", FORCE))
        self.identity = self._read(For.IDENTITY, self._identity)
        self.probe = self._read(For.PROBE, self._serial)
        self.mode = self._read(For.MODE, self._block("mode"))
        self.telemetry = Ask(why=For.TELEMETRY, request=orca.stream_nothing(unit.unit_address))

    def start(self) -> tuple[Ask, ...]:
        """Limits, read back; the least force; what an earlier timeout left behind; force mode, seen to be one."""
        limits = [self._register(name) for name in LIMITS]
        words = tuple(word for register in limits for word in encode(register, register.max or 0))
        timeout, control = self._register("comms_timeout"), self._register("control")
        return (
            Ask(why=For.SET, request=write(self._map.unit_address, limits[0].address, words)),
            Ask(why=For.SET, request=self._write("comms_timeout", timeout.max or 0)),
            self._read(For.CHECK, self._block(*LIMITS), words),
            self._read(For.CHECK, self._block("comms_timeout"), encode(timeout, timeout.max or 0)),
            self.force(self._rest_n, For.SET),
            Ask(why=For.SET, request=self._write("control", control.max or 0)),
            self.pull,
            self._read(For.CHECK, self._block("mode"), (FORCE,)),
        )

    def force(self, force_n: int, why: For = For.FORCE) -> Ask:
        """Command this force; LocalProtocolError for what the stream cannot say."""
        return Ask(why=why, request=orca.stream_force(self._map.unit_address, force_n), force_n=force_n)

    def identity_of(self, words: tuple[int, ...]) -> tuple[int, str]:
        """Serial number and firmware in the words of the identity's answer."""
        found = {register.name: value or 0 for register, value in values(self._identity, words)}
        return found["serial"], ".".join(str(found[name]) for name in IDENTITY[1:])

    def serial_of(self, words: tuple[int, ...]) -> int:
        """The serial number in the words of the probe's answer."""
        return values(self._serial, words)[0][1] or 0

    def _register(self, name: str) -> Register:
        register = find(self._map.registers, name)
        if register is None:
            raise KeyError(name)
        return register

    def _write(self, name: str, value: int) -> Asked:
        register = self._register(name)
        return write(self._map.unit_address, register.address, encode(register, value))

    def _read(self, why: For, block: Block, words: tuple[int, ...] = ()) -> Ask:
        request = read(self._map.unit_address, Function.READ_HOLDING, block.address, block.count)
        return Ask(why=why, request=request, words=words)

    def _block(self, *names: str) -> Block:
        return plan([self._register(name) for name in names], self._map)[0]
