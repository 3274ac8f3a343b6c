"""What a refusal changes at the table: some only say why, some ask for what is missing."""

from typing import Final

from modctl.ipc.asks import BODY_WEIGHT
from modctl.ipc.messages import Answer, Refused, Request, SignIn, Start, Subscribe
from tui.desk import Desk, Place, Route

SOFT_LIMIT: Final = "soft_limit"


def take(desk: Desk, asked: Request, refused: Refused) -> str:
    """Bring up what the refusal asks for; gives the sentence for the person, empty where the screen says it all."""
    match asked:
        case Subscribe():
            return ""  # asked again once somebody is signed in
        case Start() if refused.code == SOFT_LIMIT and refused.door is not None:
            desk.refused_softly(asked, refused)
            return ""
        case Start() if refused.code == BODY_WEIGHT:
            desk.choosing = Route(Place.WEIGHT, unit=asked.unit, patient=asked.patient, start=asked)
        case Answer():
            desk.unconfirmed(asked.session)
        case SignIn():
            desk.signs_in_itself = False
        case _:
            pass
    limit = "" if refused.limit is None else f" ({refused.limit})"
    return f"Refused: {refused.reason}{limit}"
