"""What modctl knows about one model: parameters, limits, off, lease, contact, timing. Data in ``profiles/*.toml``.

The loader refuses unknown keys, numbers without a source, writable registers without bounds, an off that writes
to a read-only register, and limits that widen; it names the file and the path of everything it refuses.
"""

import hashlib
from pathlib import Path
from typing import Literal

import msgspec

from devices.limits import Deviation, Limit
from devices.model import UCUM_OF, Modality, ModelClass, ObservedAs
from protocols.registers import Access, Effect, Register

ASSUMED = "assumed"  # the rung of a register that nobody has seen answer as the profile says
STALE_MAX_MS = 1_000  # house rule: what energizes is never shown or judged on older data
PROFILES = Path(__file__).parent / "profiles"


class ProfileError(Exception):
    """A profile does not load; the text names the file and everything that is wrong with it."""


class _Data(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Strict data from a profile file."""


class Device(_Data, frozen=True, kw_only=True):
    """What the model is."""

    id: str
    vendor: str
    model: str
    modality: Modality
    model_class: ModelClass = msgspec.field(name="class")
    source: str
    driver: str  # a key of devices.registry.DRIVERS
    verified: Literal["none", "simulator", "client", "unit"]
    role: Literal["applicator", "tank", "bath", "witness"] = "applicator"  # a witness only measures
    channels: int = 1
    attended: bool = True  # a person must stay: the session stops when its screen is lost
    tells_identity: bool = True  # False: no register says what it is; its entry is believed, its serial is empty


class LinkSpec(_Data, frozen=True, kw_only=True):
    """The line's settings and the bus timing. Satisfies ``protocols.link.LineSettings``."""

    kind: Literal["serial", "tcp"] = "serial"
    baud: int = 19200
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: int = 1
    rtscts: bool = False
    unit: int = 1
    max_registers_per_read: int = 32
    silence_us: int = 1750  # 3.5 characters; fixed above 19200 baud (Modbus over serial line v1.02, 2.5.1.1)


class Liveness(_Data, frozen=True, kw_only=True):
    """Who keeps whom alive. ``lease_ms`` 0: the unit has no watchdog of its own."""

    lease_ms: int
    lease_fed_by: str
    poll_ms: int  # one sample each while energized
    idle_poll_ms: int  # one sample each while off
    feed_ms: int  # the lease is fed this often while a permit lives; 0: nothing to feed
    reply_ms: int  # an answer later than this is a timeout
    stale_ms: int  # a sample older than this is no data; never above 1000 for what energizes
    own_timer: bool = False  # its driver sets a timer of the unit's own; register maps say so by themselves


class OffSpec(_Data, frozen=True, kw_only=True):
    """What off is on this model, and within what time."""

    meaning: str  # one line for people: "emission off"
    budget_ms: int  # from the decision to off on the unit, on a healthy line
    deadline_ms: int  # STOPPING ends here: confirmed, or the session is unconfirmed
    confirm_samples: int = 2
    unknown_text: str  # what a person does when off is not confirmed


class ParameterSpec(_Data, frozen=True, kw_only=True):
    """One thing that can be set. Exactly one parameter of a model is its ``level``: what is ridden and stepped.

    A tank or bath has no level; what it is monitored for is ``watched``.
    """

    name: str
    role: Literal["level", "setting", "watched"]
    min: int
    max: int
    step: int  # the unit's own grid
    source: str
    observed_as: ObservedAs
    intensifies: Literal["up", "down", "none"] = "none"
    raise_per_s: int = 0  # level only: the ordinary ramp
    person_step: int = 0  # level only: one key press


class ContactSpec(_Data, frozen=True, kw_only=True):
    """What the unit can tell about contact, and what its loss does."""

    told: bool
    on_loss: Literal["off", "suspended-by-unit", "none"]
    alarm_after_ms: int = 10_000  # domain: contact lost, alarm (chosen)
    stop_after_ms: int = 60_000  # domain: contact lost, end (chosen)
    known_from: int = 0  # the unit cannot tell below this level


class Exemption(_Data, frozen=True, kw_only=True):
    """One check of the inherited conformance suite that this model cannot pass, and why it may not.

    ``check`` is the name of a test of ``tests/conformance/test_every_model.py`` without its ``test_``; where the test
    runs for each fault, one fault can be named behind a colon. The suite fails when the model passes all the same.
    """

    check: str
    reason: str


class Profile(_Data, frozen=True, kw_only=True):
    """One model. ``sha256`` is of the file's bytes and goes into every chart that was made with it."""

    schema: Literal["modctl-profile/1"]
    device: Device
    link: LinkSpec
    liveness: Liveness
    off: OffSpec
    contact: ContactSpec
    parameter: tuple[ParameterSpec, ...]
    limit: tuple[Limit, ...] = ()
    register: tuple[Register, ...] = ()
    exemption: tuple[Exemption, ...] = ()
    apply_order: tuple[str, ...] = ()  # register units: names of registers written to bring levels into force
    off_order: tuple[str, ...] = ()  # register units: enable registers written with their off_value
    off_proof: dict[str, int] = msgspec.field(default_factory=dict)  # register units: register name -> raw value
    suspended_proof: dict[str, int] = msgspec.field(default_factory=dict)
    probe: str = "serial"  # register units: asked for after a doubtful exchange; no other block has its length
    eeprom_writes_a_day: int = 0  # register units: of each register that wears
    enabled: tuple[str, ...] = ()  # assumed registers that the site proved on its unit; never in a shipped file
    sha256: str = ""

    @property
    def level(self) -> ParameterSpec:
        """The parameter that a person rides; of a tank or bath the one that is watched."""
        return next(spec for spec in self.parameter if spec.role in ("level", "watched"))

    @property
    def is_monitored(self) -> bool:
        """A tank, a bath, a witness: equipment that no session starts or stops, and that has no off."""
        return self.device.role != "applicator"

    @property
    def locked(self) -> frozenset[str]:
        """Registers whose meaning is assumed: not written until the site has enabled them by name."""
        return frozenset(
            register.name
            for register in self.register
            if register.proven == ASSUMED and register.access is not Access.READ and register.name not in self.enabled
        )

    @property
    def unlocked_map(self) -> tuple[Register, ...]:
        """The registers as the frame gate knows them: to it, what is locked is not writable at all."""
        locked = self.locked
        return tuple(
            msgspec.structs.replace(register, effect=Effect.NONE) if register.name in locked else register
            for register in self.register
        )

    def spec(self, name: str) -> ParameterSpec | None:
        """One parameter by its canonical name."""
        return next((spec for spec in self.parameter if spec.name == name), None)

    def named_register(self, name: str) -> Register:
        """One register by name; KeyError if the map has none."""
        for register in self.register:
            if register.name == name:
                return register
        raise KeyError(name)


def load(model: str) -> Profile:
    """The shipped profile of a model id; ProfileError if there is none or it is wrong."""
    path = PROFILES / f"{model}.toml"
    if not path.exists():
        raise ProfileError(f"no profile for model {model!r}; known: {', '.join(models())}")
    return parse(path.read_bytes(), path.name)


def enabling(profile: Profile, names: tuple[str, ...]) -> Profile:
    """The profile with these assumed registers enabled by the site; ProfileError for one that is not locked."""
    strange = sorted(set(names) - profile.locked)
    if strange:
        raise ProfileError(f"{profile.device.id}: {', '.join(strange)}: not an assumed register that can be written")
    return msgspec.structs.replace(profile, enabled=(*profile.enabled, *names))


def models() -> tuple[str, ...]:
    """Ids of all shipped profiles, in order."""
    return tuple(sorted(path.stem for path in PROFILES.glob("*.toml")))


def parse(raw: bytes, name: str) -> Profile:
    """Read one profile; every finding at once in one ProfileError."""
    try:
        profile = msgspec.toml.decode(raw, type=Profile)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProfileError(f"{name}: {error}") from error
    findings = [*_parameter_findings(profile), *_timing_findings(profile), *_register_findings(profile)]
    if findings:
        raise ProfileError("\n".join(f"{name}: {finding}" for finding in findings))
    return msgspec.structs.replace(profile, sha256=hashlib.sha256(raw).hexdigest())


def _parameter_findings(profile: Profile) -> list[str]:
    found = []
    wanted = "watched" if profile.is_monitored else "level"
    if [spec.role for spec in profile.parameter if spec.role != "setting"] != [wanted]:
        found.append(f"exactly one parameter must have role = '{wanted}'")
    for spec in profile.parameter:
        if spec.name not in UCUM_OF:
            found.append(f"parameter {spec.name}: not a canonical parameter")
        if not spec.min <= spec.max or spec.step <= 0:
            found.append(f"parameter {spec.name}: needs min <= max and step > 0")
        if spec.role == "level" and (spec.raise_per_s <= 0 or spec.person_step <= 0):
            found.append(f"parameter {spec.name}: a level needs raise_per_s and person_step")
    ids = [limit.id for limit in profile.limit]
    found.extend(f"limit {limit_id}: named twice" for limit_id in sorted({i for i in ids if ids.count(i) > 1}))
    watched = {limit.parameter for limit in profile.limit if isinstance(limit, Deviation)}
    found.extend(
        f"parameter {spec.name}: is {spec.observed_as} and has no deviation limit"
        for spec in profile.parameter
        if spec.observed_as in (ObservedAs.MEASURED, ObservedAs.ECHOED) and spec.name not in watched
    )
    return found


def _timing_findings(profile: Profile) -> list[str]:
    found = []
    live = profile.liveness
    if not profile.is_monitored and live.stale_ms > STALE_MAX_MS:
        found.append(f"liveness.stale_ms: above {STALE_MAX_MS} for a unit that energizes")
    if live.poll_ms * 2 > live.stale_ms:
        found.append("liveness.poll_ms: two polls do not fit into stale_ms")
    if live.lease_ms and live.feed_ms and live.feed_ms * 2 > live.lease_ms:
        found.append("liveness.feed_ms: one lost feed would end the lease")
    if profile.off.deadline_ms <= profile.off.budget_ms:
        found.append("off.deadline_ms: must be above budget_ms")
    return found


def _register_findings(profile: Profile) -> list[str]:
    found = []
    for register in profile.register:
        writable = register.access is not Access.READ
        if writable and (register.min is None or register.max is None):
            found.append(f"register {register.name}: writable without min and max")
        if register.effect is not Effect.NONE and not writable:
            found.append(f"register {register.name}: has an effect but is read-only")
    names = {register.name for register in profile.register}
    wanted = {*profile.apply_order, *profile.off_order, *profile.off_proof, *profile.suspended_proof}
    found.extend(f"register {name}: named but not in the map" for name in sorted(wanted - names))
    return [*found, *_output_findings(profile), *_wear_findings(profile)]


def _output_findings(profile: Profile) -> list[str]:
    """What is promised about the output: of a tank nothing; of everything else an off that rests on no guess."""
    commands = (*profile.apply_order, *profile.off_order, *profile.off_proof)
    if profile.is_monitored:
        return [f"{profile.device.role}: commands nothing, and has no off to prove"] if commands else []
    if profile.device.driver == "register_unit" and not (profile.off_order and profile.off_proof):
        return ["off_order and off_proof: a unit that is started must have an off, and a proof of it"]
    guessed = sorted(profile.locked & set(profile.off_order))
    return [f"register {name}: off rests on an assumed register" for name in guessed]


def _wear_findings(profile: Profile) -> list[str]:
    found = ["enabled: only a site enables what is assumed"] if profile.enabled else []
    commands = {*profile.apply_order, *profile.off_order}
    worn = [register.name for register in profile.register if register.eeprom and register.name in commands]
    if profile.eeprom_writes_a_day <= 0:
        found.extend(f"register {name}: wears, and eeprom_writes_a_day is not given" for name in worn)
    return found
