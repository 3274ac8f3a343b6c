"""One unit as the engine knows it: line, identity, latch, session, permit. Faults latch units, not people.

Rule 1: a latch is left only by a person's charted acknowledgement, with off confirmed or with the typed statement
        that the patient is disconnected and the power is cut.
Rule 2: in every state without a permit output that the unit reports is uncommanded: Off, alarm, latch. A unit that
        does not say whether it gives output is told Off each time it does not, and is not started.
Rule 3: a unit is used only after its identity was read over the wire and matches its entry.
Rule 4: a held unit treats nobody; a technician's bench run, which has no patient, is what it is held for.
"""

from enum import StrEnum
from functools import cached_property
from typing import Final

import msgspec

from devices.model import NEVER_NS, NS_PER_MS, NS_PER_S, Accessory, Ack, AckOf, Identity, Output, Sample
from devices.profile import Profile
from modctl.engine.effects import Permit
from modctl.service_records import UnitChecked

STOP_SWITCH = "stop_switch"
SWITCH_CLOSED, SWITCH_PRESSED = 0, 1  # reference map 1; 2 is not connected, which is neither
REMIND_UNIT_NS = 60 * NS_PER_S  # chosen: screens go on showing it all the time; once a minute it is said again
NOTE_TANK_NS: Final = 600 * NS_PER_S  # chosen: a tank takes half an hour to warm up; six lines an hour tell its day
BAND_UNKNOWN: Final = "unknown"  # of a tank that does not say how warm it is


class UnitStatus(StrEnum):
    """What a unit can be used for now."""

    MISSING = "missing"
    MISMATCH = "mismatch"
    READY = "ready"
    IN_SESSION = "in-session"
    LATCHED = "latched"
    HELD = "held"


class UnitConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One unit of the site. ``serial`` empty: any unit of the model (simulated sites)."""

    name: str
    profile: Profile
    address: str
    serial: str = ""
    held: str = ""
    witness: str = ""  # the unit that reads the same force beside this one; empty: none
    tank: str = ""  # the unit that a pack comes out of; empty: the site named none
    accessories: tuple[Accessory, ...] = ()


class OffWatch(msgspec.Struct, frozen=True, kw_only=True):
    """Off was commanded; two samples asked after its acknowledgement confirm it."""

    since_ns: int
    deadline_ns: int
    wanted: int
    ack_ns: int | None = None
    seen: int = 0

    def acked(self, ack: Ack, now_ns: int) -> "OffWatch":
        """Take note of the acknowledgement, once."""
        if ack.of is not AckOf.OFF or self.ack_ns is not None:
            return self
        return msgspec.structs.replace(self, ack_ns=now_ns)

    def sampled(self, sample: Sample) -> "OffWatch":
        """Count a sample that answers a request written after the acknowledgement."""
        if self.ack_ns is None or sample.asked_ns < self.ack_ns:
            return self
        return msgspec.structs.replace(self, seen=self.seen + 1 if sample.output is Output.OFF else 0)

    @property
    def is_confirmed(self) -> bool:
        """Off was seen often enough."""
        return self.seen >= self.wanted


class UnitState(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Everything the engine knows of one unit."""

    config: UnitConfig
    line_open: bool = False
    line_reason: str = "not opened yet"
    identity: Identity | None = None
    mismatch: str = ""
    latched: str = ""
    session: str | None = None
    sample: Sample | None = None
    permit: Permit | None = None
    sequence: int = 0
    renew_ns: int = 0
    off_watch: OffWatch | None = None
    off_doubt_ns: int | None = None  # since when off is wanted and was not confirmed in time
    off_seen: int = 0  # samples in a row, up to the newest, that say off
    band: str = ""  # of a tank or bath, as last charted; empty: nothing was charted yet
    band_ns: int = 0
    reminded_ns: int = 0  # when its alarm was last said again
    switch_is_pressed: bool = False  # the patient's stop switch, in the newest sample that told of it
    switch_tested_ns: int | None = None  # when it was last seen let go after it had been seen pressed
    held: str = ""  # why a person took it out of service
    link_faults: tuple[tuple[str, int], ...] = ()  # how often each was seen since the start, by name
    accessory: str = ""  # serial number of the head or cell in use, where the wire tells
    checks: tuple[UnitChecked, ...] = ()  # what still counts, of the unit and of each head

    @property
    def status(self) -> UnitStatus:
        """What the unit can be used for; the most serious word first."""
        if self.latched:
            return UnitStatus.LATCHED
        if self.hold_reason:
            return UnitStatus.HELD
        return self.status_beneath_hold

    @property
    def hold_reason(self) -> str:
        """Why it is out of service; empty: it is not."""
        return self.held or self.config.held

    @property
    def status_beneath_hold(self) -> UnitStatus:
        """What a bench run may use it for, held or not."""
        if self.latched:
            return UnitStatus.LATCHED
        if not self.line_open or self.identity is None:
            return UnitStatus.MISSING
        if self.mismatch:
            return UnitStatus.MISMATCH
        return UnitStatus.IN_SESSION if self.session is not None else UnitStatus.READY

    @cached_property
    def wakeup_ns(self) -> int:
        """When the engine has to look at this unit again if nothing is heard of it before."""
        times = [self.remind_ns, self._tank_wakeup_ns()]
        if self.permit is not None:
            times.append(self.renew_ns)
        if self.off_watch is not None:
            times.append(self.off_watch.deadline_ns)
        return min(times)

    @property
    def remind_ns(self) -> int:
        """When its alarm is said again; never, where there is nothing to say."""
        if self.off_doubt_ns is None or not self.latched:
            return NEVER_NS
        return max(self.off_doubt_ns, self.reminded_ns) + REMIND_UNIT_NS

    @property
    def fresh_until_ns(self) -> int:
        """Until when the newest sample of an idle unit is believed; 0 without one."""
        live = self.config.profile.liveness
        return 0 if self.sample is None else self.sample.at_ns + (live.stale_ms + live.idle_poll_ms) * NS_PER_MS

    def _tank_wakeup_ns(self) -> int:
        """When a tank is looked at again if it tells nothing before."""
        if not self.band or not self.config.profile.is_tank:
            return NEVER_NS
        noted = self.band_ns + NOTE_TANK_NS
        return noted if self.band == BAND_UNKNOWN else min(noted, self.fresh_until_ns + 1)

    @property
    def tells_switch(self) -> bool:
        """The unit reports the patient's stop switch: then a person's word alone is no test of it."""
        return any(register.parameter == STOP_SWITCH for register in self.config.profile.register)

    def with_switch(self, sample: Sample) -> "UnitState":
        """Take note of the patient's stop switch: pressed, and then closed again, is a test of it."""
        told = sample.get(STOP_SWITCH)
        if told is None:
            return self
        if told == SWITCH_CLOSED and self.switch_is_pressed:
            return msgspec.structs.replace(self, switch_is_pressed=False, switch_tested_ns=sample.at_ns)
        return msgspec.structs.replace(self, switch_is_pressed=told == SWITCH_PRESSED)

    def is_known_off(self, now_ns: int) -> bool:
        """The newest sample says off, and is not older than the idle pace and a stale sample allow."""
        if not self.line_open or self.sample is None:
            return False
        return self.sample.output is Output.OFF and now_ns <= self.fresh_until_ns

    @property
    def reason(self) -> str:
        """Why the unit is not ready; empty when it is."""
        match self.status:
            case UnitStatus.LATCHED:
                return self.latched
            case UnitStatus.HELD:
                return self.hold_reason
            case UnitStatus.MISMATCH:
                return self.mismatch
            case UnitStatus.MISSING:
                return self.line_reason if not self.line_open else "does not answer to its name yet"
            case _:
                return ""


def reading(profile: Profile, sample: Sample) -> int | None:
    """What a witness's sample says of this profile's level; None where it says nothing that may be believed."""
    return None if sample.faults else sample.get(profile.level.name)


def witness_problem(unit: UnitState, witness: UnitState | None, now_ns: int) -> str:
    """Why the unit's witness cannot be heard, as a sentence; empty when it can, and where none is asked for."""
    name, sample = unit.config.witness, None if witness is None else witness.sample
    if not name:
        return ""
    if witness is None or witness.status is not UnitStatus.READY:
        why = "is not there" if witness is None else f"is {witness.status}: {witness.reason}"
        return f"The witness {name} of {unit.config.name} {why}. Nothing was started."
    if sample is None or now_ns > witness.fresh_until_ns or reading(unit.config.profile, sample) is None:
        return f"The witness {name} of {unit.config.name} gives no reading. Nothing was started."
    return ""


def off_watch(profile: Profile, now_ns: int) -> OffWatch:
    """Begin to wait for a confirmed off."""
    deadline_ns = now_ns + profile.off.deadline_ms * NS_PER_MS
    return OffWatch(since_ns=now_ns, deadline_ns=deadline_ns, wanted=profile.off.confirm_samples)


def identity_problem(config: UnitConfig, identity: Identity, *, simulated_site: bool) -> str:
    """Why this identity is not the unit's; empty when it is."""
    if identity.model != config.profile.device.id:
        return f"answers as {identity.model}, not as {config.profile.device.id}"
    if config.serial and identity.serial != config.serial:
        return f"serial number is {identity.serial}, not {config.serial}"
    if identity.is_simulator and not simulated_site:
        return "is a simulator, and this is a site for real units"
    return ""
