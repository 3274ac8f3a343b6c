"""What leaves the site as a file: a copy of the chart, a receipt, a backup. The same with a controller and without one.

That somebody took it is charted first (``chart.exported``), under a signed head: then what leaves says so itself.
"""

from pathlib import Path

from devices.model import label
from modctl.chart.export import copy_chart, write_receipt
from modctl.chart.reader import ChartReader
from modctl.chart.sqlite import Connection
from modctl.config import Layout
from modctl.controller.backup import write_backup
from modctl.ipc.evidence import ExportChart
from modctl.ipc.messages import (
    Done,
    Refused,
)
from modctl.records import ChartExported, Draft


def problem_with(request: ExportChart, reader: ChartReader) -> Refused | None:
    """Why nothing can be written so, found before it is charted; None when it can."""
    target = Path(request.path)
    if not target.is_absolute():
        return Refused(id=0, code="usage", reason=f"{target}: the controller takes absolute paths only.")
    if target.is_symlink() or target.exists():
        return Refused(id=0, code="refused", reason=f"There is something at {target}; an export replaces nothing.")
    if not target.parent.is_dir():
        return Refused(id=0, code="unreachable", reason=f"There is no folder {target.parent}.")
    if request.form == "receipt" and not reader.session(request.session):
        sentence = f"There is no session {request.session!r} in this chart; see modctl session list."
        return Refused(id=0, code="usage", reason=sentence)
    return None


def charted(request: ExportChart, actor: str | None, entries: int) -> Draft:
    """What the chart says of it. ``entries``: how many there are before this one."""
    of = {"chart": "", "receipt": f"receipt of {request.session}: ", "backup": "backup: "}[request.form]
    return Draft(data=ChartExported(purpose=label(f"{of}{request.purpose}"), entries=entries), actor=actor)


def write_out(request: ExportChart, connection: Connection, layout: Layout, now_utc: str) -> Done:
    """Write the file as the site stands now."""
    target = Path(request.path)
    if request.form == "receipt":
        write_receipt(connection, request.session, target, with_keys=request.with_keys)
        return Done(id=0)
    if request.form == "backup":
        write_backup(layout, connection, target, now_utc)
        return Done(id=0)
    head = copy_chart(connection, target)
    return Done(id=0, note=head.read_text(encoding="utf-8"))
