"""``modctl unit certify``: whether a unit on a real line keeps what its profile says, with nobody connected."""

import getpass
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import msgspec

from modctl.cli.common import Context, emit, fail, finish, pass_context, say
from modctl.controller.certify_report import STATEMENT, Checked, Report, bytes_of, is_passed, line_of, summary_of
from modctl.errors import Exit, RefusedError, UnreachableError, UsageError

if TYPE_CHECKING:
    from devices.model import MonoNs
    from devices.profile import Profile
    from modctl.clock import Clock
    from protocols.link import Link

UNREACHABLE: Final = frozenset({"absent", "lost", "stuck"})  # codes of LinkError; every other one is a refusal


@click.command()
@click.argument("model")
@click.option("--link", required=True, metavar="LINK", help="serial:PATH or tcp:HOST:PORT.")
@click.option("--nobody-connected", is_flag=True, help="Your statement: no electrode, head, cuff or pad is on anybody.")
@click.option("--by", "stated_by", help="Who states that. Default: the name you are logged in with.")
@click.option("--modbus-unit", type=click.IntRange(1, 247), help="The unit's address. Default: its profile's.")
@click.option(
    "--report", type=click.Path(path_type=Path, dir_okay=False), help="Also write it to FILE (.json or text)."
)
@pass_context
def certify(
    context: Context,
    model: str,
    link: str,
    *,
    nobody_connected: bool,
    stated_by: str | None,
    modbus_unit: int | None,
    report: Path | None,
) -> None:
    """Check that the unit at LINK keeps what MODEL's profile says. It is switched on, at its least level.

    Needs the line for itself: no controller may run on it. A real unit is opened only in a real site that names it.
    Example: modctl unit certify reference-heat --link serial:/dev/ttyUSB0 --nobody-connected --report pad.txt
    """
    from importlib.metadata import version

    from modctl.clock import SystemClock
    from modctl.controller.certify import certify as checks
    from modctl.controller.tryout import Tryout
    from protocols.link import LinkError

    if not nobody_connected:
        raise RefusedError(f"Not begun: the unit is switched on. State with --nobody-connected that {STATEMENT}.")
    profile = _profile(model, link, modbus_unit)
    _may_be_opened(context.site, model, link)
    clock = SystemClock()
    say(f"{model} at {link} is switched on at its least level; {STATEMENT}, as stated. Ctrl-C ends it, with off.")
    checked: list[Checked] = []
    try:
        with (
            _interruptible(),
            _opened(context.site, link, profile) as line,
            closing(checks(Tryout(LinkWire(line, clock), profile))) as under_way,
        ):
            for one in under_way:
                checked.append(one)
                emit(one, line_of(one))
    except KeyboardInterrupt:
        fail(Exit.FINDINGS, "Interrupted; the unit got its last words. No report was written.")
    except LinkError as error:
        code = Exit.UNREACHABLE if error.code in UNREACHABLE else Exit.REFUSED
        fail(code, f"{error.why}. If the unit was on: switch it off at its own switch.")
    made = Report(
        model=model,
        link=link,
        profile_sha256=profile.sha256,
        program=f"modctl {version('modctl')}",
        at_utc=clock.stamp().at_utc,
        stated=STATEMENT,
        stated_by=stated_by or getpass.getuser(),
        passed=is_passed(checked),
        checks=tuple(checked),
    )
    if report is not None:
        _write(report, made)
    say(summary_of(made))
    finish(Exit.OK if made.passed else Exit.FINDINGS)


class LinkWire:
    """A link and the clock. Satisfies ``modctl.controller.tryout.Wire``."""

    def __init__(self, link: "Link", clock: "Clock") -> None:
        self._link = link
        self._clock = clock

    def now_ns(self) -> "MonoNs":
        """CLOCK_MONOTONIC."""
        return self._clock.mono_ns()

    def write(self, frame: bytes) -> None:
        """Hand one frame to the line."""
        self._link.write(frame)

    def read(self, until_ns: "MonoNs") -> bytes:
        """Bytes as soon as some arrive, nothing at the time; the link waits in whole milliseconds."""
        return self._link.read(until_ns - self._clock.mono_ns())


def _profile(model: str, link: str, modbus_unit: int | None) -> "Profile":
    """The model's profile on this kind of line; UsageError for what cannot be certified."""
    from devices import profile

    if model not in profile.models():
        raise UsageError(f"There is no model {model!r}; there are {', '.join(profile.models())}.")
    kind, _, where = link.partition(":")
    host, _, port = where.rpartition(":")
    if not (kind == "serial" and where) and not (kind == "tcp" and host and port.isdigit()):
        raise UsageError(f"--link {link}: write serial:PATH or tcp:HOST:PORT.")
    loaded = profile.load(model)
    if loaded.is_monitored:
        raise UsageError(f"{model} is a {loaded.device.role}: it is only monitored, and never switched by modctl.")
    unit = loaded.link.unit if modbus_unit is None else modbus_unit
    settings = msgspec.structs.replace(loaded.link, kind="tcp" if kind == "tcp" else "serial", unit=unit)
    return msgspec.structs.replace(loaded, link=settings)


def _may_be_opened(site: Path, model: str, link: str) -> None:
    """RefusedError for a real unit that no real site names, and for a simulator in a real site."""
    from modctl.config import Layout, is_pseudo_terminal, load_site

    kind, _, where = link.partition(":")
    host = where.rpartition(":")[0]
    is_simulator = is_pseudo_terminal(Path(where)) if kind == "serial" else host in ("localhost", "127.0.0.1", "::1")
    found = load_site(site) if Layout(site).site_toml.exists() else None
    is_real_site = found is not None and not found.site.simulated
    if is_simulator and is_real_site:
        raise RefusedError(f"{link} is no real unit, and {site} is a site for real units. Nothing was opened.")
    if is_simulator or (kind == "serial" and not Path(where).exists()):
        return
    names = [unit for unit in found.units if unit.link == link and unit.model == model] if found is not None else []
    if not is_real_site or not any(unit.hardware for unit in names):
        raise RefusedError(
            f"{link} may be a real unit: it is opened only in a real site (--site) whose site.toml has it as {model} "
            "with hardware = true. Nothing was opened."
        )


@contextmanager
def _opened(site: Path, link: str, profile: "Profile") -> "Iterator[Link]":
    from tempfile import gettempdir

    from modctl.config import Layout
    from modctl.controller.ports import make_link

    run = Layout(site).run
    line = make_link(link, profile.link, run if run.is_dir() else Path(gettempdir()))
    line.open()
    try:
        line.discard_input()
        yield line
    finally:
        line.close()


@contextmanager
def _interruptible() -> Iterator[None]:
    """TERM and HUP end this as Ctrl-C does: with the unit's last words."""
    ends = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.default_int_handler) for number in ends}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _write(path: Path, report: Report) -> None:
    try:
        path.write_bytes(bytes_of(report, as_json=path.suffix == ".json"))
    except OSError as why:
        raise UnreachableError(f"{path} cannot be written: {why.strerror}.") from why
