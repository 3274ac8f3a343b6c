"""Backups from the command line."""

from pathlib import Path

import msgspec

from modctl.cli.charts import export_live
from modctl.cli.common import Context, emit, say
from modctl.controller.backup import WARNING
from modctl.ipc.charting import ExportChart


class Written(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="chart.backup"):
    """A backup was written."""

    path: str
    bytes: int


def take_backup(context: Context, target: Path, purpose: str) -> None:
    """Write a backup of the site."""
    say("Copying the chart, the people, the keys and the settings. A big chart takes a minute; sessions go on.")
    export_live(context, ExportChart(id=0, path=str(target), purpose=purpose, form="backup"))
    size = target.stat().st_size
    emit(Written(path=str(target), bytes=size), f"{target}, {size} bytes")
    say(WARNING)
