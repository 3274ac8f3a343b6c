"""A site's own files: ``site.toml`` (what it is and which units it has), ``bench.toml`` (its simulated units).

Rule 1: unknown keys are refused; every finding of a file is told at once, with the file and the path in it.
Rule 2: a site's limits only narrow what the unit's profile allows; wider is refused, never cut down.
Rule 3: a simulated site opens no hardware, a real one no pseudo-terminal.
"""

import ipaddress
import os
import re
import stat
import tomllib
import zoneinfo
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

import msgspec

from devices import profile
from devices.limits import Witness
from devices.model import Accessory, AccessoryKind, ModelClass
from modctl.errors import UnreachableError, UsageError

NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")  # unit names and ids: typed by hand, part of file names
SERIAL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,39}")  # typed by hand from a plate
MAX_MODBUS_UNIT: Final = 247  # Modbus over serial line v1.02, 2.2: 1 to 247 address one unit
PASSWORD: Final = re.compile(r"(?i)\bpassword\s*=|://[^/@]*:[^/@]+@")  # in libpq's two forms of a connection string
NO_WIRE: Final = "none"
MAX_TCP_PORT: Final = 65_535
MAX_LOCK_S: Final = 3_600  # chosen: after an hour alone a screen is anybody's
MAX_BNR_PERMILLE: Final = 8_000  # FDA 510(k) guidance summary on ultrasonic diathermy: beam non-uniformity ratio to 8
MAX_ERA_MM2: Final = 2_000  # chosen: twice the largest head of Dynatron 25 series, 10 cm²
PTY_MAJORS: Final = range(136, 144)  # Linux Documentation/admin-guide/devices.txt: UNIX98 pseudo-terminal slaves


class ConfigError(UsageError):
    """A file of the site does not load; one finding a line."""


class Layout:
    """Where things lie in a site's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.site_toml = root / "site.toml"
        self.bench_toml = root / "bench.toml"
        self.chart = root / "chart.db"
        self.people = root / "people.db"
        self.keys = root / "keys"
        self.first_pins = self.keys / "first-pins.txt"
        self.presets = root / "presets"
        self.run = root / "run"
        self.lock = self.run / "lock"
        self.socket = self.run / "modctl.sock"
        self.socket_path = self.run / "modctl.sock.path"  # says where the socket is when its own path is too long
        self.sim_socket = self.run / "sim.sock"
        self.guard_log = self.run / "guard.jsonl"
        self.bench_links = self.run / "bench"  # simulated units link their pseudo-terminals here


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Strict data from a site's file."""


class Narrowed(_Table, frozen=True, kw_only=True):
    """A site's own bounds of one parameter, both included, in its canonical unit."""

    min: int | None = None
    max: int | None = None


class SiteTable(_Table, frozen=True, kw_only=True):
    """``[site]``. ``anchors`` are folders outside the site that get each signed head of the chart.

    ``research_models``: models of class research that this site's therapists may see in their list.
    ``check_grace_s``: how long a skin check that fell due may wait for its answer.
    ``gate_days``: how many days an answer at the table holds at this site, by gate; shorter than shipped, 0 not at all.
    ``lock_after_s``: a screen that nobody touches for so long is locked; 0: never.
    ``calibration_days``: how long a calibration holds; at least yearly (safety and technical check, Gymna manuals).
    ``unattended``: what a session whose preset needs nobody at its screen does when that screen is lost.
    ``force_unit``: how a pull is read back before its start; newton stands beside it whatever is chosen.
    ``colours``: of the screens; each person may choose others.
    ``archive``: the PostgreSQL archive that ``chart sync`` adds to, as libpq names it, without its password.
    ``alarm_sound``: a sound file, from the site's folder, played beside the bell where the machine has a player.
    ``require_calibration``: what was never calibrated treats nobody; left out: in a site for real units.
    """

    name: str
    simulated: bool
    timezone: str = "UTC"
    anchors: tuple[str, ...] = ()
    research_models: tuple[str, ...] = ()
    check_grace_s: Annotated[int, msgspec.Meta(ge=10, le=600)] = 60  # chosen: a minute to come from another table
    gate_days: dict[str, int] = msgspec.field(default_factory=dict)
    lock_after_s: Annotated[int, msgspec.Meta(ge=0, le=MAX_LOCK_S)] = 300  # chosen: longer than a look at the skin
    calibration_days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 365
    unattended: Literal["goes-on", "stops"] = "goes-on"
    force_unit: Literal["N", "kgf", "lbf"] = "N"
    require_calibration: bool | None = None
    colours: Literal["night", "contrast", "light"] = "night"
    archive: str = ""
    alarm_sound: str = ""

    @property
    def needs_calibration(self) -> bool:
        """Whether what was never calibrated is closed."""
        return not self.simulated if self.require_calibration is None else self.require_calibration


class UnitEntry(_Table, frozen=True, kw_only=True):
    """One ``[[unit]]``. ``link`` is ``serial:PATH`` (made absolute by the loader), ``tcp:HOST:PORT`` or ``none``.

    ``none`` is for a pack, which has no wire; ``tank`` names the unit that it comes out of.

    ``enabled`` names registers that are only assumed and that this site has proven on its unit: until then they are
    not written. ``witness`` names the site's unit that reads the same beside this one, for every session of it.
    ``accessory``: its heads, cuffs, sensors, each with its serial number.
    """

    name: str
    model: str
    link: str
    modbus_unit: Annotated[int, msgspec.Meta(ge=1, le=MAX_MODBUS_UNIT)] | None = None
    hardware: bool = False
    enabled: tuple[str, ...] = ()
    witness: str = ""
    limits: dict[str, Narrowed] = msgspec.field(default_factory=dict)
    tank: str = ""
    accessory: tuple[Accessory, ...] = ()


class SiteConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A whole ``site.toml``."""

    root: Path
    site: SiteTable
    units: tuple[UnitEntry, ...]

    def unit(self, name: str) -> UnitEntry | None:
        """One unit by its name."""
        return next((unit for unit in self.units if unit.name == name), None)


class SimEntry(_Table, frozen=True, kw_only=True):
    """One ``[[sim]]``: ``address`` is a path (made absolute by the loader) or ``tcp:PORT``.

    ``pulled_by`` names the simulated unit that pulls at the rope in which this one, a load cell, hangs.
    """

    name: str
    model: str
    address: str
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 1
    pulled_by: str = ""


def load_site(root: Path) -> SiteConfig:
    """Read ``site.toml``; ConfigError with everything that is wrong, UnreachableError where there is no site."""
    path = Layout(root).site_toml
    findings = _Findings(path)
    tables = _toml(path, f"There is no site in {root}. Lay one down with: modctl init {root} --simulated")
    findings.unknown(tables, {"site", "unit"}, "$")
    site = findings.convert(tables.get("site", {}), SiteTable, "$.site")
    units = findings.convert_all(tables.get("unit", []), UnitEntry, "$.unit")
    if site is not None:
        findings.say_all("$.site", _site_findings(site))
    for at, unit in units:
        findings.say_all(at, _unit_findings(unit, root, simulated=None if site is None else site.simulated))
    findings.say_all("$.unit", _repeated([unit.name for _, unit in units], "name"))
    findings.say_all("$.unit", _repeated(_wires(units), "link"))
    findings.say_all("$.unit", _tank_findings([unit for _, unit in units]))
    for at, unit in units:
        findings.say_all(at, _witness_findings(unit, [other for _, other in units]))
    findings.raise_if_any()
    if site is None:  # a table that does not convert is a finding, which was raised
        raise AssertionError(path)
    resolved = tuple(msgspec.structs.replace(unit, link=_resolved_link(unit.link, root)) for _, unit in units)
    return SiteConfig(root=root, site=site, units=resolved)


def load_bench(root: Path) -> tuple[SimEntry, ...]:
    """The simulated units of a site, paths made absolute; empty where the site has no ``bench.toml``."""
    path = Layout(root).bench_toml
    if not path.exists():
        return ()
    findings = _Findings(path)
    tables = _toml(path, f"{path} cannot be read.")
    findings.unknown(tables, {"sim"}, "$")
    sims = findings.convert_all(tables.get("sim", []), SimEntry, "$.sim")
    for at, sim in sims:
        findings.say_all(at, [*_name_findings(sim.name, sim.model), *_address_findings(sim.address)])
        known = [other.name for _, other in sims if other.name != sim.name]
        strange = sim.pulled_by and sim.pulled_by not in known
        findings.say_all(at, [f"pulled_by {sim.pulled_by!r}: this bench has no such unit"] if strange else [])
    findings.say_all("$.sim", _repeated([sim.name for _, sim in sims], "name"))
    findings.say_all("$.sim", _repeated([sim.address for _, sim in sims], "address"))
    findings.raise_if_any()
    return tuple(msgspec.structs.replace(sim, address=_resolved_address(sim.address, root)) for _, sim in sims)


def is_pseudo_terminal(path: Path) -> bool:
    """Whether a path leads to a pseudo-terminal: what a real site never opens. A path that is not there is none."""
    try:
        found = path.stat()
    except OSError:
        return False
    return stat.S_ISCHR(found.st_mode) and os.major(found.st_rdev) in PTY_MAJORS


def _toml(path: Path, absent: str) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as why:
        raise UnreachableError(absent) from why
    except OSError as why:
        raise UnreachableError(f"{path} cannot be read: {why.strerror}.") from why
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as why:
        raise ConfigError(f"{path}: {why}") from why


_T = TypeVar("_T", bound=_Table)


class _Findings:
    """All that is wrong with one file, gathered before anything is raised."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[str] = []

    def say(self, at: str, what: str) -> None:
        self._found.append(f"{self._path}: {at}: {what}")

    def say_all(self, at: str, what: list[str]) -> None:
        for finding in what:
            self.say(at, finding)

    def unknown(self, table: dict[str, object], known: set[str], at: str) -> None:
        for key in sorted(set(table) - known):
            self.say(at, f"unknown key {key!r}")

    def convert(self, value: object, kind: type[_T], at: str) -> _T | None:
        """One table, field by field, so that its second mistake is found together with its first."""
        if not isinstance(value, dict):
            self.say(at, "must be a table")
            return None
        before = len(self._found)
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        self.unknown(value, set(fields), at)
        for name, field in fields.items():
            if name not in value:
                if field.required:
                    self.say(at, f"{name!r} is missing")
                continue
            try:
                msgspec.convert(value[name], type=field.type)
            except msgspec.ValidationError as why:
                self.say(f"{at}.{name}", str(why))
        return msgspec.convert(value, type=kind) if len(self._found) == before else None

    def convert_all(self, value: object, kind: type[_T], at: str) -> list[tuple[str, _T]]:
        if not isinstance(value, list):
            self.say(at, "must be a list of tables, each under double brackets")
            return []
        rows = [(f"{at}[{index}]", self.convert(row, kind, f"{at}[{index}]")) for index, row in enumerate(value)]
        return [(place, row) for place, row in rows if row is not None]

    def raise_if_any(self) -> None:
        if self._found:
            raise ConfigError("\n".join(self._found))


def _wires(units: list[tuple[str, UnitEntry]]) -> list[str]:
    """What must be there once. Packs have no wire: any number of them lies about."""
    return [f"{unit.link} unit {_address(unit)}" for _, unit in units if unit.link != NO_WIRE]


def _tank_findings(units: list[UnitEntry]) -> list[str]:
    known = set(profile.models())
    tanks = {unit.name for unit in units if unit.model in known and profile.load(unit.model).is_tank}
    return [
        f"{unit.name}: tank {unit.tank!r} is no tank of this site" for unit in units if unit.tank not in {"", *tanks}
    ]


def _site_findings(site: SiteTable) -> list[str]:
    found = []
    if not site.name.strip():
        found.append("name is empty")
    try:
        zoneinfo.ZoneInfo(site.timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        found.append(f"timezone {site.timezone!r} is not known on this machine")
    shipped = profile.models()
    strange = [
        model
        for model in site.research_models
        if model not in shipped or profile.load(model).device.model_class is not ModelClass.RESEARCH
    ]
    found.extend(f"research_models: {model!r} is not a model of class research" for model in strange)
    if PASSWORD.search(site.archive):
        found.append("archive: a password does not belong here; PostgreSQL reads it from a password or service file")
    found.extend(f"anchors: {anchor!r} is not an absolute path" for anchor in site.anchors if anchor[:1] != "/")
    return found


def _unit_findings(unit: UnitEntry, root: Path, *, simulated: bool | None) -> list[str]:
    found = _name_findings(unit.name, unit.model)
    found += _link_findings(unit)
    if simulated is True and unit.hardware:
        found.append("hardware = true: a simulated site opens no real unit; real units need a site of their own")
    if simulated is False and _is_pty_link(unit.link, root):
        found.append(f"link {unit.link!r} is a pseudo-terminal: a real site opens no simulator")
    found += _accessory_findings(unit.accessory)
    if unit.model in profile.models():
        loaded = profile.load(unit.model)
        found += _limit_findings(unit, loaded)
        strange = sorted(set(unit.enabled) - loaded.locked)
        found += [f"enabled: {name!r} is not an assumed register that can be written" for name in strange]
    return found


def _name_findings(name: str, model: str) -> list[str]:
    found = []
    if not NAME.fullmatch(name):
        found.append(f"name {name!r}: small letters, digits and hyphens, at most 32")
    if model not in profile.models():
        found.append(f"model {model!r} is not known; known: {', '.join(profile.models())}")
    return found


def _link_findings(unit: UnitEntry) -> list[str]:
    kind, _, where = unit.link.partition(":")
    is_pack = unit.model in profile.models() and profile.load(unit.model).is_by_hand
    if is_pack is not (unit.link == NO_WIRE):
        why = f'{unit.model} has no wire: write link = "{NO_WIRE}"' if is_pack else f"{unit.model} has a wire"
        return [f"link {unit.link!r}: {why}"]
    if unit.link == NO_WIRE or (kind == "serial" and where):
        return []
    host, _, port = where.rpartition(":")
    if kind != "tcp" or not host or not _is_port(port):
        return [f"link {unit.link!r}: must be serial:PATH or tcp:HOST:PORT"]
    if not unit.hardware and not _is_loopback(host):
        return [f"link {unit.link!r}: only this machine can be reached over TCP unless hardware = true"]
    return []


def _address_findings(address: str) -> list[str]:
    if address.startswith("tcp:"):
        return [] if _is_port(address[4:]) else [f"address {address!r}: must be a path or tcp:PORT"]
    return [] if address else ["address is empty"]


def _address(unit: UnitEntry) -> int:
    """Its address on a line that it may share: the entry's, else the model's own."""
    if unit.modbus_unit is not None or unit.model not in profile.models():
        return unit.modbus_unit or 1
    return profile.load(unit.model).link.unit


def _witness_findings(unit: UnitEntry, units: list[UnitEntry]) -> list[str]:
    if not unit.witness or unit.model not in profile.models():
        return []
    other = next((one for one in units if one.name == unit.witness), None)
    if other is None or other.model not in profile.models():
        return [f"witness {unit.witness!r}: this site has no such unit"]
    watched, level = profile.load(other.model), profile.load(unit.model).level.name
    if watched.device.role != "witness" or not any(
        isinstance(row, Witness) and row.parameter == level for row in watched.limit
    ):
        return [f"witness {unit.witness!r}: {other.model} does not witness {level}"]
    return []


def _limit_findings(unit: UnitEntry, model: profile.Profile) -> list[str]:
    found = []
    for name, bounds in unit.limits.items():
        spec = model.spec(name)
        if spec is None:
            found.append(f"limits.{name}: {unit.model} has no such parameter")
            continue
        if bounds.min is None and bounds.max is None:
            found.append(f"limits.{name}: needs min or max")
        low = spec.min if bounds.min is None else bounds.min
        high = spec.max if bounds.max is None else bounds.max
        if low < spec.min or high > spec.max:
            found.append(f"limits.{name}: {low} to {high} is wider than the model's {spec.min} to {spec.max}")
        if low > high:
            found.append(f"limits.{name}: {low} to {high} leaves nothing")
    return found


def _accessory_findings(parts: tuple[Accessory, ...]) -> list[str]:
    found = [f"accessory: {what}" for what in _repeated([part.serial for part in parts], "serial")]
    for part in parts:
        if not SERIAL.fullmatch(part.serial):
            found.append(f"accessory serial {part.serial!r}: letters, digits, . / _ and -, at most 40")
        if not 0 <= part.era_mm2 <= MAX_ERA_MM2:
            found.append(f"accessory {part.serial}: era_mm2 {part.era_mm2} is not 0 to {MAX_ERA_MM2}")
        if not 0 <= part.bnr_permille <= MAX_BNR_PERMILLE:
            found.append(f"accessory {part.serial}: bnr_permille {part.bnr_permille} is not 0 to {MAX_BNR_PERMILLE}")
        if part.kind is not AccessoryKind.HEAD and (part.era_mm2 or part.bnr_permille):
            found.append(f"accessory {part.serial}: era_mm2 and bnr_permille belong to a head")
    return found


def _repeated(values: list[str], what: str) -> list[str]:
    return [f"{what} {value!r} is given twice" for value in sorted({v for v in values if values.count(v) > 1})]


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) <= MAX_TCP_PORT


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_pty_link(link: str, root: Path) -> bool:
    return link.startswith("serial:") and is_pseudo_terminal(root / link.removeprefix("serial:"))


def _resolved_link(link: str, root: Path) -> str:
    return f"serial:{root.absolute() / link.removeprefix('serial:')}" if link.startswith("serial:") else link


def _resolved_address(address: str, root: Path) -> str:
    return address if address.startswith("tcp:") else str(root.absolute() / address)
