"""What a RehaStim 2 says: answers, and what it tells of its own accord. Sources: see ``protocols.sciencemode2``.

Values that the document does not name are refused, not guessed.
"""

from enum import IntEnum

import msgspec

from protocols.errors import RemoteProtocolError
from protocols.sciencemode import Packet
from protocols.sciencemode2 import Command

INIT = 1  # told every 500 ms after power-on, reset and the watchdog's end, until it is accepted [D]
UNKNOWN_COMMAND = 3  # instead of an answer, with the request's packet number [D]
STIMULATION_ERROR = 38  # told; the table of [D] misprints the name
TOLD = (INIT, STIMULATION_ERROR)  # carry the unit's own packet numbers

# Result codes [D]; the words are ours.
RESULTS: dict[int, str] = {
    0: "ok",
    -1: "transfer error",
    -2: "parameter error",
    -3: "wrong mode",
    -4: "Motomed connection error",
    -5: "incompatible version",
    -6: "invalid trainer",
    -7: "Motomed busy",
    -8: "busy",
}


class Mode(IntEnum):
    """What GetStimulationMode reports [D]."""

    START = 0
    INITIALIZED = 1
    STARTED = 2


class ErrorTold(IntEnum):
    """Why the unit switched its output off by itself [D]."""

    EMERGENCY_SWITCH = -1  # pressed, or not connected
    ELECTRODE = -2
    MODULE = -3


class Init(msgspec.Struct, frozen=True):
    """Nothing runs and every mode is reset: the unit waits to be accepted."""

    version: int


class StimulationError(msgspec.Struct, frozen=True):
    """Output is off, the mode is START."""

    error: ErrorTold


class Done(msgspec.Struct, frozen=True):
    """An answer that says only how it went."""

    result: int


class ModeIs(msgspec.Struct, frozen=True):
    """The answer to GetStimulationMode, when it went well."""

    mode: Mode


class NotKnown(msgspec.Struct, frozen=True):
    """The unit does not know that command."""

    command: int


Answer = Init | StimulationError | Done | ModeIs | NotKnown
_DONE = (
    Command.INIT_CHANNEL_LIST_MODE + 1,
    Command.START_CHANNEL_LIST_MODE + 1,
    Command.STOP_CHANNEL_LIST_MODE + 1,
)


def result_name(result: int) -> str:
    """A result in words, and its number."""
    return f"{RESULTS.get(result, 'unnamed result')} ({result})"


def answer_of(packet: Packet) -> Answer:
    """What a packet says; RemoteProtocolError when its command, length or a value is impossible."""
    payload = packet.payload
    if not payload:
        raise RemoteProtocolError("nothing is said", payload)
    first = int.from_bytes(payload[:1], "big", signed=True)
    if packet.command == Command.GET_STIMULATION_MODE + 1:
        return _mode_of(first, payload)
    if len(payload) != 1:
        raise RemoteProtocolError(f"packet {packet.command} has {len(payload)} bytes, not 1", payload)
    match packet.command:
        case _ if packet.command in _DONE:
            return Done(first)
        case c if c == INIT:
            return Init(payload[0])
        case c if c == UNKNOWN_COMMAND:
            return NotKnown(payload[0])
        case c if c == STIMULATION_ERROR:
            if first not in (ErrorTold.EMERGENCY_SWITCH, ErrorTold.ELECTRODE, ErrorTold.MODULE):
                raise RemoteProtocolError(f"stimulation error {first}", payload)
            return StimulationError(ErrorTold(first))
        case _:
            raise RemoteProtocolError(f"no answer has command {packet.command}", payload)


def _mode_of(result: int, payload: bytes) -> Answer:
    """The mode is there when all went well; [D] does not say whether a refusal carries one too."""
    if result != 0:
        return Done(result)
    if len(payload) != 2 or payload[1] > max(Mode):
        raise RemoteProtocolError("a stimulation mode that does not exist", payload)
    return ModeIs(Mode(payload[1]))
