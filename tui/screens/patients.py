"""Who is treated next. Nobody is preselected: the cursor stands on the request to choose."""

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult

from devices.model import NS_PER_MS
from modctl.ipc.messages import (
    Answer,
    Done,
    ListPatients,
    ListSessions,
    PatientRow,
    Refused,
    Request,
    SessionRow,
    Start,
)
from tui.acts import BACK, CHOOSE, REPEAT, Offer
from tui.looks import EMPTY, Look, Span, fitted
from tui.messages import Asked, Noticed, PatientChosen
from tui.screens.base import TableScreen
from tui.sight import Sight
from tui.widgets.choices import Choice, Choices
from tui.widgets.rows import Rows

NOBODY = Choice("", "— choose a patient —", is_open=False)
ARROWS = "↑ ↓ Enter:"  # no digit chooses a patient
CHOOSE_ONE = "Choose a patient with the arrows."
REMEMBERED = 500  # chosen: sessions looked through for a patient's last one; more than a month of one table


class PatientsScreen(TableScreen):
    """The list of patients; ``r`` on a patient's line repeats the last session on this unit."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit
        self._patients: tuple[PatientRow, ...] = ()
        self._sessions: tuple[SessionRow, ...] = ()
        self._asks_again = False  # the list was asked for before the sign-in was through
        self._now_ns = 0
        self._here_since_ns = 0  # since when the cursor stands on this patient's line

    def middle(self) -> ComposeResult:
        """A title and the list. No digits: a patient is looked at before being taken."""
        yield Rows(id="title")
        yield Choices(numbered=False)

    def on_mount(self) -> None:
        """Ask who there is."""
        self.query_one(Choices).offer([NOBODY])
        self.query_one(Choices).focus()
        self.post_message(Asked(ListPatients(id=0)))
        self.post_message(Asked(ListSessions(id=0, limit=REMEMBERED)))

    def offers(self, sight: Sight) -> Sequence[Offer]:
        """Its own keys."""
        del sight
        return Offer(CHOOSE, shown=ARROWS), Offer(REPEAT, self._repeat), Offer(BACK, self.action_back)

    def see_middle(self, sight: Sight) -> None:
        """For which unit the patient is chosen."""
        self._now_ns = sight.now_ns
        if self._asks_again and sight.role:
            self._asks_again = False
            self.post_message(Asked(ListPatients(id=0)))
        row = sight.unit(self._unit)
        mark = "SIM " if row is not None and row.simulated else ""
        self.query_one("#title", Rows).show([(Span(f" {mark}{self._unit}: for which patient?", Look.STRONG),), EMPTY])

    def answered(self, asked: Request, reply: Done | Refused) -> None:
        """The lists have come."""
        if isinstance(reply, Refused):
            self._asks_again = self._asks_again or (isinstance(asked, ListPatients) and reply.code == "sign_in")
            return
        if isinstance(asked, ListPatients):
            self._patients = reply.patients or ()
            self.query_one(Choices).offer([NOBODY, *(patient_choice(row) for row in self._patients)])
        elif isinstance(asked, ListSessions):
            self._sessions = reply.sessions or ()
        elif isinstance(asked, Start) and asked.repeat and reply.session is not None:
            self._state_who(reply.session)

    @on(Choices.Moved)
    def _moved(self) -> None:
        self._here_since_ns = self._now_ns

    @on(Choices.Chosen)
    def _chosen(self, event: Choices.Chosen) -> None:
        name = next((row.name for row in self._patients if row.ref == event.key), "")
        self.post_message(PatientChosen(event.key, name) if event.is_open else Noticed(CHOOSE_ONE))

    def _repeat(self) -> None:
        choice = self.query_one(Choices).current()
        if choice is None or not choice.is_open:
            self.post_message(Noticed(CHOOSE_ONE))
            return
        last = next((row for row in self._sessions if row.patient == choice.key and row.unit == self._unit), None)
        if last is None:
            self.post_message(Noticed(f"{choice.key} has had no session on {self._unit}: Enter, then choose a preset."))
        else:
            self.post_message(Asked(Start(id=0, unit=self._unit, patient=choice.key, preset="", repeat=True)))

    def _state_who(self, session: str) -> None:
        """Repeating was the statement: both identifiers stood on the line, and were asked for before the key."""
        took_ms = (self._now_ns - self._here_since_ns) // NS_PER_MS
        answer = Answer(id=0, session=session, gate="identify", answer="confirmed", took_ms=took_ms)
        self.post_message(Asked(answer))


def patient_choice(row: PatientRow) -> Choice:
    """One line: two identifiers, and the side of the prescription."""
    return Choice(row.ref, f"{fitted(row.name, 30)} born {fitted(row.birth_date, 12)}{fitted(row.ref, 12)}{row.side}")
