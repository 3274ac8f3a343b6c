"""What a signed-in person may ask for, by role; what needs nobody is named too. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from devices.model import Direction
from modctl.controller.accounts import Role
from modctl.ipc.connection import Caller
from modctl.ipc.evidence import ExportChart, LastHead, TakeCheckpoint, VerifyChart
from modctl.ipc.hands import Amend, LateEntry, Lock, OpenIncident, SignSession, TakeOver
from modctl.ipc.messages import (
    Acknowledge,
    Answer,
    Entries,
    Hello,
    ListPatients,
    ListPresets,
    ListSessions,
    ListUnits,
    Pack,
    Pause,
    Refused,
    Request,
    Resume,
    Round,
    SignIn,
    Start,
    Step,
    Stop,
    Subscribe,
)
from modctl.ipc.servicing import (
    BenchRun,
    CheckUnit,
    HoldUnit,
    IdentifyUnit,
    LookAtUnit,
    LookBack,
    ReleaseUnit,
    TraceUnit,
)

# The peer's account on this machine admits these: what they show names no patient but by reference.
FREE: Final = (
    Hello,
    SignIn,
    Stop,
    Subscribe,
    ListUnits,
    ListPresets,
    ListSessions,
    Entries,
    VerifyChart,
    ExportChart,
    TakeCheckpoint,
    LastHead,
    LookAtUnit,
)

_SIGNATURE: Final = ("sign", "signed")
LOCKED: Final = "This screen is locked: sign in again. Stop, pause and lower need nobody."
SIGNS: Final = "A therapist signs. Answer that it is not signed now; the therapist signs it later."

AT_THE_TABLE: Final = frozenset({Role.THERAPIST, Role.ASSISTANT})
_KNOWS_PATIENTS: Final = frozenset({Role.THERAPIST, Role.ASSISTANT, Role.AUDITOR, Role.ADMINISTRATOR})
_EVERYBODY: Final = frozenset(Role)
_MINDS_UNITS: Final = frozenset({Role.THERAPIST, Role.TECHNICIAN, Role.ADMINISTRATOR})
_SERVICES_UNITS: Final = frozenset({Role.TECHNICIAN, Role.ADMINISTRATOR})
_ON_THE_BENCH: Final = frozenset({Role.TECHNICIAN})

MAY: Final[Mapping[type[Request], frozenset[Role]]] = MappingProxyType(
    {
        Start: AT_THE_TABLE,
        Answer: AT_THE_TABLE,
        Pause: AT_THE_TABLE,
        Resume: AT_THE_TABLE,
        Step: AT_THE_TABLE,
        Pack: AT_THE_TABLE,
        Lock: _EVERYBODY,
        TakeOver: AT_THE_TABLE,
        SignSession: frozenset({Role.THERAPIST}),
        Amend: frozenset({Role.THERAPIST}),
        LateEntry: AT_THE_TABLE,
        OpenIncident: _MINDS_UNITS,
        ListPatients: _KNOWS_PATIENTS,
        Acknowledge: _MINDS_UNITS,
        Round: AT_THE_TABLE | _MINDS_UNITS,
        BenchRun: _ON_THE_BENCH,
        HoldUnit: _SERVICES_UNITS,
        ReleaseUnit: _SERVICES_UNITS,
        IdentifyUnit: _SERVICES_UNITS,
        TraceUnit: _SERVICES_UNITS,
        CheckUnit: _SERVICES_UNITS,
        LookBack: _SERVICES_UNITS | {Role.AUDITOR},
    }
)
PUTS_BACK: Final = frozenset({Role.ADMINISTRATOR})  # a backup in place of the site: no request, no controller runs then

# Acts on one session: at the table where a patient is, on the bench where nobody is. Neither does the other's.
OF_A_SESSION: Final = (Answer, Pause, Resume, Step, TakeOver)


def refusal(request: Request, caller: Caller, *, is_bench: bool = False) -> Refused | None:
    """Why this person may not ask this; None when they may. ``is_bench``: it is about a session without a patient."""
    if isinstance(request, FREE):
        return None
    if isinstance(request, Answer) and (request.gate, request.answer) == _SIGNATURE and caller.role == Role.ASSISTANT:
        return Refused(id=0, code="role", reason=SIGNS)
    of_bench = is_bench and isinstance(request, OF_A_SESSION)
    allowed = _ON_THE_BENCH if of_bench else MAY.get(type(request), frozenset())
    if caller.role is None:
        return Refused(id=0, code="sign_in", reason="Sign in first. A stop needs no sign-in.")
    if caller.is_locked and not _calms(request):
        return Refused(id=0, code="locked", reason=LOCKED)
    if caller.role in allowed:
        return None
    who = ", ".join(sorted(allowed))
    return Refused(id=0, code="role", reason=f"This is for: {who}; {caller.user} is signed in as {caller.role}.")


def _calms(request: Request) -> bool:
    """What makes nothing stronger stays allowed at a locked screen, and so does locking it again."""
    return isinstance(request, Lock | Pause | TraceUnit) or (
        isinstance(request, Step) and request.direction is not Direction.UP
    )


def knows_patients(caller: Caller) -> bool:
    """May this person see who the patients are."""
    return caller.role in _KNOWS_PATIENTS
