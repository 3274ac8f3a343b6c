"""A simulated unit of any model on a line in virtual time, and the port logic, driver and profile that speak to it."""

from typing import Literal

import msgspec

from devices.model import NS_PER_MS, NS_PER_S, Levels, LinkFault, ModelClass, MonoNs, levels
from devices.profile import Profile, ProfileError, enabling, load
from devices.registry import driver_for
from devices.sim.catalog import SIMULATED
from devices.sim.device import FaultOrder, Truth
from devices.sim.port import SimPort
from modctl.controller.tryout import Tryout, least, rest_of

LINK_NS = 1 * NS_PER_MS  # one way; a USB line's usual delay
START_NS = 1 * NS_PER_S  # virtual time does not begin at 0, so that a forgotten 0 shows
RUN_MS = 600_000  # what a timer of the unit's own is set to
LinkKind = Literal["serial", "tcp"]


class VirtualWire:
    """Satisfies ``modctl.controller.tryout.Wire``: time jumps to whatever is due next."""

    def __init__(self, sim: SimPort, split: int | None = None) -> None:
        self.sim = sim
        self._now = MonoNs(START_NS)
        self._split = split
        self._to_unit: list[tuple[int, bytes]] = []
        self._to_host: list[tuple[int, bytes]] = []

    def now_ns(self) -> MonoNs:
        """Virtual nanoseconds."""
        return self._now

    def write(self, frame: bytes) -> None:
        """On its way to the unit."""
        self._to_unit.append((self._now + LINK_NS, frame))

    def read(self, until_ns: MonoNs) -> bytes:
        """The next bytes that arrive up to a time."""
        while True:
            self._carry()
            if self._to_host and self._to_host[0][0] <= self._now:
                return self._taken()
            if self._now >= until_ns:
                return b""
            due = [int(until_ns), *(at for at, _ in (*self._to_unit[:1], *self._to_host[:1]))]
            own = self.sim.next_wakeup()
            if own is not None:
                due.append(own)
            self._now = MonoNs(min(at for at in due if at > self._now))

    def _carry(self) -> None:
        while self._to_unit and self._to_unit[0][0] <= self._now:
            self.sim.receive(self._to_unit.pop(0)[1], self._now)
        answers = self.sim.take(self._now)
        if answers:
            self._to_host.append((self._now + LINK_NS, answers))

    def _taken(self) -> bytes:
        at_ns, received = self._to_host.pop(0)
        size = self._split or len(received)
        if len(received) > size:
            self._to_host.insert(0, (at_ns, received[size:]))
        return received[:size]


class Rig(Tryout):
    """One model, driver against simulator, every frame past the frame gate; faults and truth beside it."""

    def __init__(self, model: str, link: LinkKind | None = None, seed: int = 1, split: int | None = None) -> None:
        kind = SIMULATED[model]
        profile = profile_of(model, link)
        is_tcp = profile.link.kind == "tcp"
        unit = kind.make("unit-1", seed, "tcp" if is_tcp else "rtu")
        self.sim = SimPort(unit, seed, None if is_tcp else kind.baud)
        super().__init__(VirtualWire(self.sim, split), profile)

    def truth(self) -> Truth:
        """What the unit really does."""
        return self.sim.truth(self.now_ns)

    def inject(self, fault: str, **parameters: int) -> None:
        """Switch a fault on now."""
        self.sim.inject(FaultOrder(fault=fault, parameters=tuple(parameters.items())), self.now_ns)

    def faults(self, since_ns: int = 0) -> list[LinkFault]:
        """Link faults since a moment."""
        return self.told(LinkFault, since_ns)

    def energize(self) -> None:
        """Identified, on at the least level, and then above it as a person rides."""
        self.run(self.profile.off.deadline_ms)
        assert self.is_on(RUN_MS), ("the scenery of a test, not the test", self.faults()[-3:])
        for target in ramp(self.profile):
            self.permit(target, RUN_MS)
            self.run(1_000)
        assert self.truth().energized, "the scenery of a test, not the test"


def ramp(profile: Profile, seconds: int = 3) -> tuple[Levels, ...]:
    """Levels from rest upwards, one second apart: inside the raise limit, on the grid, in the unit's range."""
    level = profile.level
    rest, sign = rest_of(level), -1 if level.intensifies == "down" else 1
    step = max(level.step, min(level.raise_per_s, level.person_step) // level.step * level.step)
    values = [rest + sign * step * second for second in range(1, seconds + 1)]
    mild = dict(least(profile).values)
    return tuple(levels({**mild, level.name: value}) for value in values if level.min <= value <= level.max)


def profile_of(model: str, link: LinkKind | None = None) -> Profile:
    """A model as a site has it that has proven on its own unit what the shipped profile only assumes."""
    profile = load(model)
    if profile.locked:
        profile = enabling(profile, tuple(sorted(profile.locked)))
    if link is not None:
        profile = msgspec.structs.replace(profile, link=msgspec.structs.replace(profile.link, kind=link))
    return profile


def links_of(model: str) -> tuple[LinkKind, ...]:
    """Lines that a model can be on: the published maps are spoken in both kinds of Modbus frames."""
    try:
        profile = load(model)
    except ProfileError:
        return ("serial",)
    if profile.link.kind == "none":
        return ("serial",)  # the person's words, as they would come over a wire
    return ("serial", "tcp") if profile.device.model_class is ModelClass.REFERENCE else (profile.link.kind,)


def simulated(kind: Literal["switched", "by hand", "monitored"]) -> list[str]:
    """Models of one kind; one whose profile does not load is left to fail by its name among the switched ones."""
    return [model for model in SIMULATED if _kind_of(model) == kind]


def _kind_of(model: str) -> str:
    """By what the profile and its driver say: a unit without last words is one that no wire switches off."""
    try:
        profile = load(model)
    except ProfileError:
        return "switched"
    if profile.is_monitored:
        return "monitored"
    return "switched" if driver_for(profile).last_words() else "by hand"
