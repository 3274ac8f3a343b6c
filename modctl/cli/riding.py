"""What the riding keys of plain mode mean: of one session, or of the two of a combination. Pure."""

from collections.abc import Mapping

from devices.model import Direction, Modality
from modctl.ipc.messages import Pause, Request, Resume, SessionView, Step


def ridden(views: Mapping[str, SessionView], lead: str) -> str:
    """The session that + and - mean until a person chooses: the stimulation, which begins at nothing."""
    stimulation = [view.session for view in views.values() if view.modality == Modality.ESTIM]
    return stimulation[0] if stimulation else lead


def resumed(views: Mapping[str, SessionView], otherwise: str) -> str:
    """What r means: of two paused halves the ultrasound first, because the current needs its head in contact."""
    paused = [view for view in views.values() if view.phase == "paused"]
    paused.sort(key=lambda view: view.modality != Modality.ULTRASOUND)
    return paused[0].session if paused else otherwise


def request_of(key: str, number: int, session: str, views: Mapping[str, SessionView]) -> Request | None:
    """What a key asks of the controller; every key that means nothing else holds, blanks ask nothing."""
    match key:
        case "+":
            return Step(id=number, session=session, direction=Direction.UP)
        case "-":
            return Step(id=number, session=session, direction=Direction.DOWN)
        case "p":
            return Pause(id=number, session=session)
        case "r":
            return Resume(id=number, session=resumed(views, session))
        case _ if key.isspace():
            return None
        case _:
            return Step(id=number, session=session, direction=Direction.HOLD)
