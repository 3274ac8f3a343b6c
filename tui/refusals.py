"""What a refusal changes at the table: some only say why, some ask for what is missing."""

from typing import Final

from modctl.ipc.asks import BODY_WEIGHT, HEAD, WEIGHT_GATE, head_gate
from modctl.ipc.messages import Answer, GateView, Refused, Request, SignIn, Start, Subscribe, UnitRow
from tui.desk import Desk, Place, Route
from tui.sight import Sight

SOFT_LIMIT: Final = "soft_limit"


def take(desk: Desk, asked: Request, refused: Refused, sight: Sight) -> str:
    """Bring up what the refusal asks for; gives the sentence for the person, empty where the screen says it all."""
    match asked:
        case Subscribe():
            return ""  # asked again once somebody is signed in
        case Start() if refused.code == SOFT_LIMIT and refused.door is not None:
            desk.refused_softly(asked, refused)
            return ""
        case Start() if refused.code == BODY_WEIGHT:
            _ask_for(desk, asked, WEIGHT_GATE)
        case Start() if refused.code == HEAD and not asked.head and (row := _with_heads(asked, sight)) is not None:
            _ask_for(desk, asked, head_gate(row.name, row.heads))
        case Answer():
            desk.unconfirmed(asked.session)
        case SignIn():
            desk.signs_in_itself = False
        case _:
            pass
    limit = "" if refused.limit is None else f" ({refused.limit})"
    return f"Refused: {refused.reason}{limit}"


def _ask_for(desk: Desk, start: Start, gate: GateView) -> None:
    name = "" if desk.choosing is None else desk.choosing.name
    desk.choosing = Route(Place.MISSING, unit=start.unit, patient=start.patient, name=name, start=start, gate=gate)


def _with_heads(start: Start, sight: Sight) -> UnitRow | None:
    """The unit of a start whose heads the site knows; of a combination either."""
    names = (start.unit, "" if start.partner is None else start.partner.unit)
    rows = [row for name in names if (row := sight.unit(name)) is not None]
    return next((row for row in rows if row.heads), None)
