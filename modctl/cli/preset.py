"""``modctl preset``: the site's library. A preset is approved by a person before it is used on a patient."""

from pathlib import Path

import click
import msgspec

from modctl.cli.common import Context, emit, emit_raw, pass_context, say
from modctl.errors import RefusedError, UsageError

APPROVERS = ("therapist", "administrator")


class PresetLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="preset"):
    """One entry of the library."""

    id: str
    modality: str
    models: tuple[str, ...]
    title: str
    approved: bool
    source: str
    mark: str
    checked_on: str
    superseded_by: str | None


@click.group()
def preset() -> None:
    """The library of presets. None of the shipped ones has been reviewed by a clinician."""


@preset.command(name="list")
@pass_context
def list_presets(context: Context) -> None:
    """List the site's presets."""
    from modctl.clinic.library import load_library
    from modctl.config import Layout

    for row in load_library(Layout(context.site).presets):
        record = PresetLine(
            id=row.id,
            modality=row.modality,
            models=row.models,
            title=row.title,
            approved=row.approved,
            source=row.source,
            mark=row.mark,
            checked_on=row.checked_on,
            superseded_by=row.superseded_by,
        )
        state = "approved" if row.approved else "not approved"
        emit(record, f"{row.id}  {row.modality}  {state}  {row.title}")


@preset.command(name="show")
@click.argument("preset_id", metavar="ID")
@pass_context
def show_preset(context: Context, preset_id: str) -> None:
    """Show everything that a preset sets, with its source."""
    from devices.profile import load
    from modctl import text
    from modctl.clinic.library import load_library
    from modctl.clinic.presets import Preset
    from modctl.config import Layout

    found = next((row for row in load_library(Layout(context.site).presets) if row.id == preset_id), None)
    if found is None:
        raise UsageError(f"There is no preset {preset_id!r}; see modctl preset list.")
    if context.json:
        encoded: dict[str, object] = {"kind": "preset", **msgspec.to_builtins(found)}
        emit_raw(msgspec.json.encode(encoded))
        return
    level = load(found.models[0]).level.name
    shown: Preset = found
    for line in (
        f"{shown.id}: {shown.title}",
        f"{shown.modality} on {', '.join(shown.models)}; {shown.region}; {text.duration(shown.duration_ms)}",
        (
            f"{text.parameter(level)}: starts at {text.quantity(level, shown.start_level)}, "
            f"at most {text.quantity(level, shown.cap)}"
        ),
        text.settings(tuple(shown.settings.items())) or "no further settings",
        text.settings(tuple(shown.context.items())) or "no further conditions",
        f"Placement: {shown.placement}",
        f"Note: {shown.note}",
        f"Source ({shown.mark}, {shown.evidence}, checked {shown.checked_on}): {shown.source}",
        f"Superseded: {shown.superseded_by}" if shown.superseded_by else "",
        "Approved." if shown.approved else f"Not approved: modctl preset approve {shown.id} --as USER",
    ):
        if line:
            click.echo(line)


@preset.command(name="approve")
@click.argument("preset_id", metavar="ID")
@click.option("--as", "user", required=True, help="Who takes responsibility: a therapist or an administrator.")
@click.option("--pin-file", type=click.Path(path_type=Path), help="Simulated sites only.")
@pass_context
def approve_preset(context: Context, preset_id: str, *, user: str, pin_file: Path | None) -> None:
    """Approve a preset as it is now; a later change of its file needs a new approval.

    Example: modctl preset approve hip-heat-pad --as therapist
    """
    from devices.profile import load
    from modctl.cli.reach import check_pin, pin_for
    from modctl.clinic import library
    from modctl.clock import SystemClock
    from modctl.config import Layout
    from modctl.controller.accounts import People

    layout = Layout(context.site)
    found = next((row for row in library.load_library(layout.presets) if row.id == preset_id), None)
    if found is None:
        raise UsageError(f"There is no preset {preset_id!r}; see modctl preset list.")
    against = [
        f"{preset_id} on {model}: {finding}"
        for model in found.models
        for finding in (*library.findings_against(found, load(model)), *library.time_findings(found, load(model)))
    ]
    if against:
        raise RefusedError("\n".join([*against, "Nothing was approved."]))
    people = People(layout.people)
    role = check_pin(people, user, pin_for(context, user, pin_file))
    people.close()
    if role not in APPROVERS:
        raise RefusedError(f"{user} is {role}; presets are approved by: {', '.join(APPROVERS)}.")
    approval = library.Approval(id=found.id, sha256=found.sha256, by=user, at_utc=SystemClock().stamp().at_utc)
    with (layout.presets / library.APPROVALS).open("a", encoding="utf-8") as file:
        file.write(library.approval_text(approval))
    say(f"{preset_id} is approved by {user}, as it is now.")
