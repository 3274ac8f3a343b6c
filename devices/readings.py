"""What the registers of one unit say together: its identity, and one sample. Shared by drivers of register maps.

Registers mean by their names. These are known, besides every register that has a canonical parameter:

==================  ================================================================================================
``magic``           enum; a value without a name is another kind of unit
``model_code``      enum of model ids
``serial``          a number
``firmware``        16 bits: major in the high byte, minor in the low one; 32 bits: a number
``flags``           bits; ``sim`` marks a simulator
``status``          enum with ``off``, ``armed``, ``energized``, ``suspended``; any other word is UNKNOWN
``faults``          bits: the unit's own fault words; only those of ``fault_bits`` where the map lists them
``alarm_code``      a number; any but 0 is a fault word of its own
``boot_counter``    changes when the unit starts again
``sample_counter``  changes from sample to sample
``contact``         enum of ``devices.model.Contact``
``accessory``       serial number of the head, cuff or cell in use
``timer_left``      the unit's own timer, ms
==================  ================================================================================================
"""

from collections.abc import Iterator
from typing import Final

from devices.model import AccessorySeen, Contact, DeviceEvent, Fault, Identity, LinkFault, Output, Sample
from devices.profile import Profile
from protocols.blocks import Block, values
from protocols.registers import Register, bit_names, word_name, words_of

IDENTITY: Final = ("magic", "map_version", "model_code", "flags", "serial", "firmware", "hardware", "lease_ms")
OUTPUT_OF: Final = {
    "off": Output.OFF,
    "armed": Output.ENERGIZED,  # it may put out without another frame
    "energized": Output.ENERGIZED,
    "suspended": Output.SUSPENDED,
}

Reading = dict[str, tuple[Register, int | None]]  # by register name; None: the unit says that it has no value


class Round:
    """Blocks that are read one after the other and make one reading."""

    def __init__(self, blocks: tuple[Block, ...]) -> None:
        self._blocks = blocks
        self._found: Reading = {}
        self._done = 0
        self.asked_ns: int | None = None  # when the first block was asked for; None: a new round begins

    def restart(self) -> None:
        """Throw away what was read: blocks of different moments are no reading."""
        self._found = {}
        self._done = 0
        self.asked_ns = None

    def next_block(self) -> Block:
        """What is to be asked now."""
        return self._blocks[self._done]

    def take(self, words: tuple[int, ...], asked_ns: int) -> Reading | None:
        """The words of the block that was next; the whole reading when it was the last one."""
        if self.asked_ns is None:
            self.asked_ns = asked_ns
        self._found.update((register.name, (register, value)) for register, value in values(self.next_block(), words))
        self._done += 1
        return self._found if self._done == len(self._blocks) else None


def number(reading: Reading, name: str) -> int | None:
    """A register's value; None when it has none or was not read."""
    return reading[name][1] if name in reading else None


def identity_of(reading: Reading, profile: Profile, now_ns: int) -> Identity:
    """Who answered: the model id when magic and code are of the map, else the unit's own numbers as a label.

    Of a unit that does not tell, the model is the profile's and the serial number is empty: nothing contradicts it.
    """
    is_ours = "magic" not in reading or _word(reading, "magic") is not None
    own_words = f"magic {number(reading, 'magic')} model {number(reading, 'model_code')}"
    told = (_word(reading, "model_code") if is_ours else None) or own_words
    return Identity(
        at_ns=now_ns,
        model=told if profile.device.tells_identity else profile.device.id,
        serial=str(number(reading, "serial")) if "serial" in reading else "",
        firmware=_firmware(reading),
        is_simulator="sim" in _bits(reading, "flags"),
    )


def _firmware(reading: Reading) -> str:
    register, value = reading.get("firmware", (None, None))
    if register is None or value is None:
        return ""
    return f"{value >> 8}.{value & 0xFF}" if words_of(register) == 1 else str(value)


def sample_of(reading: Reading, profile: Profile, asked_ns: int, now_ns: int) -> Sample:
    """One sample; ``asked_ns`` is of the oldest request in it."""
    contact = _word(reading, "contact")
    return Sample(
        at_ns=now_ns,
        asked_ns=asked_ns,
        output=output_of(reading, profile),
        values=tuple((register.parameter, value) for register, value in reading.values() if register.parameter),
        contact=Contact(contact) if contact in list(Contact) else Contact.UNKNOWN,
        faults=_faults(reading),
        boot=number(reading, "boot_counter"),
        counter=number(reading, "sample_counter"),
        timer_left_ms=number(reading, "timer_left"),
    )


def accessory_news(before: int | None, now: int | None, now_ns: int) -> Iterator[DeviceEvent]:
    """Which accessory is in use, when it was not known or is another one; the latter is a fault as well."""
    if now == before:
        return
    if now is not None:
        yield AccessorySeen(at_ns=now_ns, serial=str(now))
    if before is not None:
        yield LinkFault(at_ns=now_ns, fault=Fault.MISMATCH, detail=f"accessory {before}, now {now}")


def output_of(reading: Reading, profile: Profile) -> Output:
    """Off only when every proof of the profile is there and says so.

    UNKNOWN is what the map has no word for, and a status word of off that another proof contradicts.
    """
    if _proves(reading, profile.off_proof):
        return Output.OFF
    if _proves(reading, profile.suspended_proof):
        return Output.SUSPENDED
    words: list[Output] = []
    for name in profile.off_proof:
        register, value = reading.get(name, (None, None))
        if register is None or value is None:
            return Output.UNKNOWN
        if register.enum is not None:
            words.append(OUTPUT_OF.get(word_name(register, value) or "", Output.UNKNOWN))
    return Output.ENERGIZED if not words or Output.ENERGIZED in words else Output.UNKNOWN


def _faults(reading: Reading) -> tuple[str, ...]:
    """Every word that says a fault, the unit's bits first."""
    register, _ = reading.get("faults", (None, None))
    counted = None if register is None else register.fault_bits
    words = tuple(word for word in _bits(reading, "faults") if counted is None or word in counted)
    code = number(reading, "alarm_code")
    return (*words, f"alarm-{code}") if code else words


def _proves(reading: Reading, proof: dict[str, int]) -> bool:
    found = {name: reading[name] for name in proof if name in reading}
    says_so = all(value == _canonical(register, proof[name]) for name, (register, value) in found.items())
    return bool(proof) and len(found) == len(proof) and says_so


def _canonical(register: Register, raw: int) -> int:
    """A proof is given as the raw value; a reading has canonical ones."""
    return raw * register.multiply // register.divide + register.offset


def _word(reading: Reading, name: str) -> str | None:
    register, value = reading.get(name, (None, None))
    return None if register is None or value is None else word_name(register, value)


def _bits(reading: Reading, name: str) -> tuple[str, ...]:
    register, value = reading.get(name, (None, None))
    return () if register is None or value is None else bit_names(register, value)
