"""Laying down a site: its folder, its files, its chart, its first people."""

import contextlib
import os
import secrets
import shutil
from importlib import metadata
from pathlib import Path
from typing import Final

import msgspec

from modctl.chart.keys import KeyFolder
from modctl.chart.store import ChartStore, NewChart
from modctl.clinic import library
from modctl.clock import SystemClock
from modctl.config import Layout, load_bench, load_site
from modctl.controller import pin_check
from modctl.controller.accounts import Patient, People, Role, User
from modctl.errors import RefusedError, UnreachableError

SITES: Final = Path(__file__).parent.parent / "sites"
DEMO_ANSWERS: Final = SITES / "demo-answers.toml"
DEMO_PIN: Final = "1234"  # of every account of a simulated site, as its users are told
DEMO_USER: Final = "therapist"
ONCE_PIN_DIGITS: Final = 8  # chosen: typed once, from paper
PRIVATE: Final = 0o700
APPROVED_BY: Final = "demonstration"  # presets of a simulated site: nobody answers for them


class _NewUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    role: Role


class _People(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    user: tuple[_NewUser, ...]
    patient: tuple[Patient, ...]


class FirstPin(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="user.first_pin"):
    """One account of a new site with the PIN that it begins with."""

    user: str
    role: str
    pin: str
    once: bool  # it only serves to set an own one


def lay_down(root: Path, *, simulated: bool) -> tuple[FirstPin, ...]:
    """Make a site in ``root``, which must be empty or not there. RefusedError where something lies there already."""
    layout = Layout(root)
    with contextlib.ExitStack() as undo:
        try:
            _lay_down_files(layout, undo, simulated=simulated)
        except OSError as why:
            raise UnreachableError(f"No site could be laid down in {root}: {why.strerror}.") from why
        site = load_site(root)
        load_bench(root)
        if simulated:
            _approve_all(layout)
        pins = _lay_down_people(layout, simulated=simulated)
        new = NewChart(site=site.site.name, simulated=simulated, program=program())
        store = ChartStore.create(layout.chart, KeyFolder(layout.keys), new, SystemClock().stamp())
        store.checkpoint()
        store.close()
        undo.pop_all()
    return pins


def keep_first_pins(layout: Layout, pins: tuple[FirstPin, ...]) -> Path:
    """Write them where only the site's owner reads, for a site that is laid down without a terminal."""
    descriptor = os.open(layout.first_pins, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{pin.user} {pin.pin}\n" for pin in pins)
    return layout.first_pins


def once_pin() -> str:
    """A PIN that serves once: to set an own one."""
    return "".join(secrets.choice("0123456789") for _ in range(ONCE_PIN_DIGITS))


def program() -> str:
    """This program and its version, for the chart."""
    return f"modctl {metadata.version('modctl')}"


def _lay_down_files(layout: Layout, undo: contextlib.ExitStack, *, simulated: bool) -> None:
    root = layout.root
    if root.exists() and any(root.iterdir()):
        raise RefusedError(f"{root} is not empty. A site is laid down in a folder of its own; nothing was changed.")
    undo.callback(shutil.rmtree, root, ignore_errors=True)  # half a site is worse than none
    root.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    root.chmod(PRIVATE)  # people.db and keys lie in it; whoever may read a live chart's folder could lock us out
    for folder in (layout.keys, layout.presets, layout.run, layout.bench_links):
        folder.mkdir(mode=PRIVATE)
    _copy(SITES / ("simulated-site.toml" if simulated else "real-site.toml"), layout.site_toml)
    if simulated:
        _copy(SITES / "bench.toml", layout.bench_toml)
    for path in sorted(library.SHIPPED.glob("*.toml")):
        _copy(path, layout.presets / path.name)


def _lay_down_people(layout: Layout, *, simulated: bool) -> tuple[FirstPin, ...]:
    new = msgspec.toml.decode((SITES / "people.toml").read_bytes(), type=_People)
    people = People.create(layout.people)
    pins = []
    for user in new.user:
        pin = DEMO_PIN if simulated else once_pin()
        verifier = pin_check.verifier_of(pin)
        people.add_user(User(name=user.name, role=user.role, verifier=verifier, is_once=not simulated))
        pins.append(FirstPin(user=user.name, role=user.role, pin=pin, once=not simulated))
    if simulated:
        weighed = SystemClock().stamp().at_utc
        for patient in new.patient:
            people.add_patient(msgspec.structs.replace(patient, weighed_at_utc=weighed))
    people.close()
    return tuple(pins)


def _approve_all(layout: Layout) -> None:
    at_utc = SystemClock().stamp().at_utc
    lines = [
        library.approval_text(library.Approval(id=preset.id, sha256=preset.sha256, by=APPROVED_BY, at_utc=at_utc))
        for preset in library.load_library(layout.presets)
    ]
    (layout.presets / library.APPROVALS).write_text("".join(lines), encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    target.write_bytes(source.read_bytes())
