"""Checks and calibration: worksheets are filled, recorded, looked back from, and printed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from modctl.errors import ModctlError
from modctl.ipc.messages import Done, Refused, Request, UnitRow
from modctl.ipc.servicing import CheckUnit, LookBack
from modctl.reports.service_words import look_back_words, named
from modctl.service_records import UnitChecked
from tui.bench.desk import Desk, Doers
from tui.bench.form import Ask
from tui.bench.pages import Do, Page
from tui.bench.sheet import (
    CALIBRATION,
    CHECK,
    NOT_DONE,
    SEEN,
    Entry,
    Kind,
    Sheet,
    asks,
    dropped,
    entries,
    first_open,
    new_sheet,
    noted,
    request,
    typed,
)
from tui.bench.source import Plan, Source
from tui.bench.state import Record
from tui.bench.watch import Watch

SHEETS: Final = {Page.POINTS: CALIBRATION, Page.ITEMS: CHECK}


class SheetActs:
    """The keys of worksheets and records. A worksheet is kept for each unit and head until it is recorded."""

    def __init__(self, desk: Desk, source: Source, watch: Watch) -> None:
        self._desk = desk
        self._source = source
        self._watch = watch
        self._sheets: dict[tuple[str, str], Sheet] = {}
        self._metered: Sheet | None = None  # the newest with a meter: the next unit is read with the same one
        self._plans: dict[str, Plan] = {}

    def doers(self) -> Doers:
        """What each letter does."""
        return {
            Do.POINTS: lambda: self._open(Page.POINTS),
            Do.ITEMS: lambda: self._open(Page.ITEMS),
            Do.READING: self._reading,
            Do.DROP: self._drop,
            Do.PASS: lambda: self._note("pass"),
            Do.FAIL: lambda: self._note("fail"),
            Do.NOT_DONE: lambda: self._note(NOT_DONE),
            Do.RECORD: self._record,
            Do.LOOK_BACK: self._look_back,
            Do.PAPER: self._paper,
        }

    def plan(self, model: str) -> Plan:
        """What is measured and looked at on this model; read once."""
        if model not in self._plans:
            self._plans[model] = self._source.plan(model)
        return self._plans[model]

    def unrecorded(self) -> tuple[str, ...]:
        """The units with a worksheet that would be lost."""
        return tuple(unit for (unit, _), sheet in self._sheets.items() if sheet.is_begun())

    def answered(self, asked: Request, reply: Done | Refused) -> bool:
        """Take what was recorded or looked back at; False: it was something else, or refused."""
        if isinstance(reply, Refused):
            return False
        if isinstance(asked, CheckUnit) and reply.checked is not None:
            self._recorded(asked, reply.checked)
            return True
        if isinstance(asked, LookBack):
            self._looked_back(asked, reply)
            return True
        return False

    def type_line(self) -> None:
        """Ask for the chosen line."""
        found = self._chosen()
        if found is not None:
            self._ask(*found)

    # Worksheets

    def _row(self) -> UnitRow | None:
        state = self._desk.state()
        return state.row(state.unit)

    def _chosen(self) -> tuple[Entry, Sheet, UnitRow] | None:
        state, row = self._desk.state(), self._row()
        if row is None or state.sheet is None:
            return None
        lines = entries(state.sheet, row, self.plan(row.model))
        return (lines[state.choice], state.sheet, row) if state.choice < len(lines) else None

    def _open(self, page: Page) -> None:
        row = self._row()
        if row is None:
            return
        try:
            plan = self.plan(row.model)
        except ModctlError as why:
            self._desk.say(str(why))
            return
        kept = self._sheets.get((row.name, SHEETS[page]))
        is_stale = kept is not None and row.head not in ("", kept.head) and page is Page.POINTS
        sheet = new_sheet(row, SHEETS[page], self._metered) if kept is None or is_stale else kept
        self._desk.show(page)
        self._desk.change(sheet=sheet, choice=first_open(sheet, row, plan))

    def _keep(self, sheet: Sheet) -> None:
        self._sheets[sheet.unit, sheet.what] = sheet
        if sheet.meter:
            self._metered = sheet
        self._desk.change(sheet=sheet)

    def _ask(self, entry: Entry, sheet: Sheet, row: UnitRow) -> None:
        plan = self.plan(row.model)
        view = self._desk.state().session_on(row.name)
        level = view.set_level if view is not None and view.load else None

        def then(given: Sequence[str]) -> None:
            self._keep(typed(entry, sheet, plan, given))
            self._step(entry)

        self._desk.ask(asks(entry, sheet, row, plan, level), then)

    def _step(self, entry: Entry) -> None:
        """On to the next line; behind a new point stands the line for another one, which moved down by itself."""
        self._desk.change(choice=self._desk.state().choice + (entry.kind is not Kind.NOTE))

    def _reading(self) -> None:
        """From a run to its point."""
        self._open(Page.POINTS)
        row, sheet = self._row(), self._desk.state().sheet
        if row is None or sheet is None:
            return
        lines = entries(sheet, row, self.plan(row.model))
        if Entry(Kind.MORE) in lines:
            self._desk.change(choice=lines.index(Entry(Kind.MORE)))
            self.type_line()

    def _drop(self) -> None:
        found = self._chosen()
        if found is not None and found[0].kind is Kind.POINT:
            self._keep(dropped(found[0], found[1]))

    def _note(self, word: str) -> None:
        found = self._chosen()
        if found is None or found[0].kind is not Kind.ITEM:
            return
        entry, sheet, row = found
        item = self.plan(row.model).items[entry.at]
        if item.kind != SEEN and word != NOT_DONE:
            self._desk.say(f"{item.title} is a number: Enter types it.")
            return
        self._keep(noted(sheet, item, word))
        self._step(entry)

    # Records

    def _record(self) -> None:
        sheet = self._desk.state().sheet
        if sheet is not None:
            self._desk.send(request(sheet))

    def _recorded(self, asked: CheckUnit, checked: UnitChecked) -> None:
        self._sheets.pop((asked.unit, asked.what), None)
        self._desk.change(sheet=None, record=Record(head=asked.head, checked=checked))
        self._desk.show(Page.UNIT)  # the worksheet is done with: Backspace leads past it
        self._desk.show(Page.RECORD)
        is_closed = "" if checked.is_good else f" It closes {named(checked)}: h says why at every table."
        self._desk.say(f"Recorded in the chart; w saves the paper.{is_closed}")
        if not all(point.is_found_good for point in checked.points):
            self._desk.send(LookBack(id=0, unit=asked.unit, head=asked.head))

    def _look_back(self) -> None:
        state, row = self._desk.state(), self._row()
        if row is None:
            return
        serials = [head.serial for head in row.heads]
        if state.page is Page.RECORD and state.record is not None:
            self._desk.send(LookBack(id=0, unit=row.name, head=state.record.head))
        elif row.head in serials or len(serials) <= 1:
            self._desk.send(LookBack(id=0, unit=row.name, head=row.head or next(iter(serials), "")))
        else:
            head = Ask(label=f"look back for which head ({', '.join(serials)}; empty: the unit)")
            self._desk.ask((head,), lambda given: self._desk.send(LookBack(id=0, unit=row.name, head=given[0].strip())))

    def _looked_back(self, asked: LookBack, reply: Done) -> None:
        state = self._desk.state()
        known = state.record if state.page is Page.RECORD else None
        affected = reply.affected or ()
        record = Record(
            head=asked.head,
            checked=reply.checked or (None if known is None else known.checked),
            affected=affected,
            says=look_back_words(reply.checked, len(affected), more=reply.more),
        )
        self._desk.change(record=record)
        if state.page is not Page.RECORD:
            self._desk.show(Page.RECORD)

    def _paper(self) -> None:
        record = self._desk.state().record
        if record is None or record.checked is None:
            self._desk.say("Nothing was recorded here that a report could say.")
            return
        checked = record.checked
        parts = (checked.unit, checked.head.replace("/", "_"), checked.what, checked.on)
        stem = "-".join(part for part in parts if part)

        def save(given: Sequence[str]) -> None:
            report, sticker = (Path(one.strip()).expanduser().absolute() if one.strip() else None for one in given)
            written = ", ".join(str(path) for path in (report, sticker) if path is not None)
            who = self._desk.who()
            self._watch.do(
                lambda: self._source.paper(checked, who, report, sticker),
                f"Written: {written}" if written else "No name, no file: nothing was written.",
            )

        self._desk.ask(
            (
                Ask(label="service report into this new file (empty: none)", filled=f"{stem}.pdf"),
                Ask(label="sticker into this new file (empty: none)", filled=f"{stem}-sticker.pdf"),
            ),
            save,
        )
