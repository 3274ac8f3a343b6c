"""A whole session in virtual time as chart entries: what is signed, amended and added to afterwards."""

from collections.abc import Sequence

from modctl.chart.body import decode_body, encode_body
from modctl.clock import Stamp
from modctl.controller.doors import Opening
from modctl.controller.texts import Sealed
from modctl.engine import events as ev
from modctl.records import Draft, Entry
from tests.scenario.table import Table

P24, TENS = "hasomed-p24", "hip-post-tha-tens"


def drafts(sealed: Sealed | None = None, *, is_over: bool = True) -> list[tuple[Draft, Stamp]]:
    """One session of the therapist's, pain 3 afterwards; with ``sealed`` a soft limit was opened for it."""
    table = Table(P24)
    if sealed is not None:
        table.openings = (Opening(limit="width-usual", reason=sealed.commitment),)
    session = table.start(P24, TENS, 10, pulse_width_us=100 if sealed is None else 401)
    if is_over:
        table.run_to_end(session)
        answer = ev.Answered(
            gate="pain_after", answer="3", actor="therapist", source="person", age_s=0, took_ms=900, text=""
        )
        table.tell(session, answer)
    return [(draft, stamp) for draft, stamp in table.chart.entries if draft.session == session]


def entries(made: Sequence[tuple[Draft, Stamp]]) -> list[Entry]:
    """As a reader gives them."""
    return [decode_body(encode_body(seq, draft, stamp)) for seq, (draft, stamp) in enumerate(made, start=1)]
