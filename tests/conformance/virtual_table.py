"""A whole station in virtual time around one unit of any model, with a made-up preset that lies inside its profile."""

import copy
import functools
from collections.abc import Mapping

from devices.bench import FAULTS
from devices.limits import Mark
from devices.profile import Profile
from devices.sim.catalog import SIMULATED, SimUnit
from modctl.clinic.presets import Preset
from modctl.controller.tryout import CONTEXT, least, rest_of
from modctl.engine.machine import Phase
from modctl.engine.phases import OVER
from modctl.engine.unit import UnitConfig
from tests.conformance.virtual_line import profile_of, ramp
from tests.scenario.table import Table

DURATION_S = 20
LONG_S = 300  # inside every model's longest time
RIDE_S = 8  # of an ordinary ramp: far enough above rest for a fault of the output to show


class ModelTable(Table):
    """One unit of a model, identified. ``behind``: which model really stands behind its line."""

    def __init__(self, model: str, behind: str = "", serial: str = "", seed: int = 1) -> None:
        self.profile = profile_of(model)
        self._behind = behind or model
        self._serial = serial
        super().__init__(model, seed=seed, tanks={})  # one that can be copied with the table
        self.run_s(2)  # some models take longer to be known

    def config(self, model: str, profiles: Mapping[str, Profile]) -> UnitConfig:  # noqa: ARG002  # this model's alone
        """The unit as the site names it."""
        return UnitConfig(name=model, profile=self.profile, address="virtual", serial=self._serial)

    def made(self, model: str, seed: int) -> SimUnit:
        """What really stands behind its line."""
        return SIMULATED[self._behind].make(model, seed, "tcp" if self.profile.link.kind == "tcp" else "rtu")

    def preset_of(self, preset_id: str) -> Preset:
        """Made up for the unit's profile."""
        return made_up(self.profile, preset_id)

    def kinds(self, session: str) -> list[object]:
        """Kinds of the session's entries."""
        return [entry["kind"] for entry in self.chart.of(session)]

    def run_while(self, session: str, phase: Phase, seconds: float) -> bool:
        """Let time pass as long as the session is in a phase; whether it has left it."""
        self.world.run_until(int(self.now_ns + seconds * 10**9), lambda: self.state(session).phase is not phase)
        return self.state(session).phase is not phase

    def is_over(self, session: str) -> bool:
        """Ended or unconfirmed."""
        return self.state(session).phase in OVER


def made_up(profile: Profile, preset_id: str) -> Preset:
    """Every setting at its mildest, the level a few seconds of ramp above rest."""
    level, target = profile.level, ramp_end(profile)
    return Preset(
        schema="modctl-preset/1",
        id=preset_id,
        title="Conformance",
        modality=profile.device.modality,
        models=(profile.device.id,),
        region="none",
        duration_ms=DURATION_S * 1000,
        settings={name: value for name, value in least(profile).values if name != level.name},
        cap=target,
        start_level=rest_of(level),
        demo_target=target,
        source="chosen: a test's own",
        mark=Mark.CHOSEN,
        checked_on="2026-11-23",
        evidence="textbook",
        context={name: value for name, value in CONTEXT if name not in ("duration_ms", "body_weight_g")},
        approved=True,
    )


def ramp_end(profile: Profile) -> int:
    """Where the made-up preset rides to."""
    level = profile.level
    sign = -1 if level.intensifies == "down" else 1
    ride = level.raise_per_s * RIDE_S // level.step * level.step
    room = (level.max - level.min) // 2 // level.step * level.step
    furthest = rest_of(level) + sign * min(ride, room)
    return furthest if ramp(profile) else rest_of(level)


@functools.cache
def _begun(model: str) -> tuple[ModelTable, str]:
    table = ModelTable(model)
    session = table.start(model, "conformance", LONG_S)
    table.run_s(RIDE_S + 6)
    state = table.state(session)
    assert state.phase is Phase.RUNNING, ("the scenery of a test, not the test", state.phase, state.reason)
    assert table.truth(model).energized, "the scenery of a test, not the test"
    return table, session


def running(model: str) -> tuple[ModelTable, str]:
    """A session that has reached its level, for one test alone: the way there is gone once."""
    return copy.deepcopy(_begun(model))


def parameters_of(fault: str, profile: Profile) -> dict[str, int]:
    """What the menu has no default for, as something that this model would notice."""
    level = ramp_end(profile)
    wanted = {"value": level, "at": max(1, level // 2), "mm": 20, "per_s": max(1, level // 4)}
    spec = FAULTS[fault]
    return {name: wanted[name] for name, default in spec.parameters if default is None and name not in spec.optional}


__all__ = ("ModelTable", "parameters_of", "running")
