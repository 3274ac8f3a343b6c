"""``modctl incident``: the evidence of one session in one folder, and its unit out of use until a person clears it."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from modctl.cli.common import Context, emit, pass_context
from modctl.errors import RefusedError, UnreachableError, UsageError

if TYPE_CHECKING:
    from modctl.records import Entry


class PackedFile(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="incident.file"):
    """One file of the package."""

    name: str
    sha256: str
    what: str


@click.command()
@click.argument("session")
@click.option("--as", "user", required=True, help="Who asks for it; the PIN is asked.")
@click.option("--out", type=click.Path(path_type=Path), help="A folder that is not there yet. Default: here.")
@click.option("--pin-file", type=click.Path(path_type=Path), help="Simulated sites only.")
@pass_context
def incident(context: Context, session: str, *, user: str, out: Path | None, pin_file: Path | None) -> None:
    """Freeze and pack what is known of a SESSION, and take its unit out of use.

    The folder holds the chart with its signed head, the session's entries, profile and preset in force, what the guard
    did, and the site's configuration; no identities and no texts. The unit is used again after: modctl unit release

    Example: modctl incident 20261123-100512-a1b2 --as kim
    """
    from modctl.cli.charts import export_live
    from modctl.cli.records import entries_of
    from modctl.ipc.evidence import ExportChart

    folder = (out or Path(f"incident-{session}")).absolute()
    if folder.exists():
        raise RefusedError(f"There is something at {folder}; a package replaces nothing. Nothing was done.")
    entries = entries_of(context, session)
    if not entries:
        raise UsageError(f"There is no session {session!r} in this chart; see modctl session list.")
    _open(context, user, pin_file, session)
    try:
        folder.mkdir(mode=0o700, parents=True)
        export_live(context, ExportChart(id=0, path=str(folder / "chart.db"), purpose=f"incident {session}"))
        packed = _packed(context, folder, entries_of(context, session))
    except OSError as why:
        raise UnreachableError(f"{folder}: {why.strerror}. The unit is out of use; the package is not whole.") from why
    for file in packed:
        emit(file, f"{file.sha256}  {file.name}  {file.what}")


def _open(context: Context, user: str, pin_file: Path | None, session: str) -> None:
    """Chart it and hold the unit, through the controller or while we hold the site."""
    from modctl.cli.reach import controller_if_any, done, pin_for
    from modctl.ipc.hands import OpenIncident

    pin = pin_for(context, user, pin_file)
    client = controller_if_any(context)
    if client is None:
        _open_ourselves(context, user, pin, session)
        return
    client.sign_in(user, pin)
    done(client.request(OpenIncident(id=client.next_id(), session=session)))
    client.close()


def _open_ourselves(context: Context, user: str, pin: str, session: str) -> None:
    """By the same rules as the controller; the next one finds the hold in the chart."""
    from modctl.chart.reader import ChartReader
    from modctl.cli.charts import store_to_ourselves
    from modctl.cli.reach import check_pin, done
    from modctl.clock import SystemClock
    from modctl.config import Layout
    from modctl.controller.accounts import People
    from modctl.controller.afterwards import incident_reason, unit_of
    from modctl.controller.rights import refusal
    from modctl.ipc.connection import Caller
    from modctl.ipc.hands import OpenIncident
    from modctl.records import Draft, IncidentOpened
    from modctl.service_records import UnitHeld

    people = People(Layout(context.site).people)
    role = check_pin(people, user, pin)
    people.close()
    caller = Caller(connection=0, program="modctl", attends=False, user=user, role=role)
    refused = refusal(OpenIncident(id=0, session=session), caller)
    if refused is not None:
        done(refused)
    with store_to_ourselves(context) as store:
        reader = ChartReader(store.connection)
        unit = unit_of(reader.session(session)) or ""
        now = SystemClock().stamp()
        opened = Draft(data=IncidentOpened(unit=unit), session=session, actor=user)
        held = Draft(data=UnitHeld(unit=unit, reason=incident_reason(session)), actor=user)
        is_held = unit in dict(reader.held_units())
        store.append([(opened, now)] if is_held else [(opened, now), (held, now)])
        store.checkpoint()


def _packed(context: Context, folder: Path, entries: "tuple[Entry, ...]") -> list[PackedFile]:
    """Everything beside the chart, then the list of it all."""
    from modctl.config import Layout

    layout = Layout(context.site)
    (folder / "session.jsonl").write_bytes(b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries))
    what = {
        "chart.db": "the site's whole chart, one file",
        "chart.db.checkpoint": "its signed head: modctl chart verify chart.db --checkpoint chart.db.checkpoint",
        "session.jsonl": "the session's entries, one a line, as they were hashed",
    }
    for path, words in (
        (layout.guard_log, "what the guard did, as far as no start has charted it yet"),
        (layout.site_toml, "the site's configuration"),
        (layout.bench_toml, "its simulated units"),
    ):
        if path.exists():
            (folder / path.name).write_bytes(path.read_bytes())
            what[path.name] = words
    what.update(_in_force(layout.presets, folder, entries))
    files = [PackedFile(name=name, sha256=_sha256(folder / name), what=words) for name, words in what.items()]
    lines = [f"{file.sha256}  {file.name}  {file.what}" for file in files]
    lines.append("Not in here: identities and what people wrote (people.db), keys.")
    (folder / "README").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return files


def _in_force(library: Path, folder: Path, entries: "tuple[Entry, ...]") -> dict[str, str]:
    """Profile and preset files; one that is not the one that was in force says so."""
    from devices import profile
    from modctl.records import SessionStarted

    entry = next((entry for entry in entries if entry.kind == "session.started"), None)
    if entry is None:
        return {}
    started: SessionStarted = msgspec.json.decode(entry.data, type=SessionStarted)
    wanted = (
        (profile.PROFILES / f"{started.model}.toml", "profile", started.profile_sha256),
        (library / f"{started.preset}.toml", "preset", started.preset_sha256),
    )
    found = {}
    for path, word, expected in wanted:
        if path.exists():
            name = f"{word}-{path.name}"
            (folder / name).write_bytes(path.read_bytes())
            is_it = _sha256(path) == expected
            found[name] = f"the {word} in force" if is_it else f"NOT the {word} in force, which had SHA-256 {expected}"
    return found


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
