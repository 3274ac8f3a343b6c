"""Two requests that are one treatment: ultrasound, and stimulation through its head.

Rule 1: one that cannot be prepared refuses both; both refusals are charted, nothing is sent to either unit.
Rule 2: the head is the stimulation's electrode: its density is judged on the head's area.
Rule 3: only a unit that tells whether its head has contact carries a current.
"""

from collections.abc import Sequence

import msgspec

from devices.model import COMBINED, Modality
from modctl.clinic.interlocks import Running
from modctl.controller.prepare import NotPrepared, Order, Prepared, prepare
from modctl.controller.requests import interlocked
from modctl.engine.core_events import Begin, Partner, Refuse, RefusedPartner
from modctl.engine.pairs import PARTNER_REFUSED
from modctl.records import SessionRefused, SessionRequested


def combine(lead: Order, partner: Order, request: int, actor: str, running: Sequence[Running] = ()) -> Begin | Refuse:
    """Judge both requests. ``lead`` is the one whose session asks the questions; its name becomes the group's."""
    head = next((order for order in (lead, partner) if order.preset.modality is Modality.ULTRASOUND), None)
    orders = [_in_group(order, lead.session, head) for order in (lead, partner)]
    one, other = (interlocked(prepare(order), order.patient, order.preset, running) for order in orders)
    why = _no_combination(lead, partner)
    if why is None and isinstance(one, Prepared) and isinstance(other, Prepared):
        second = Partner(setup=other.setup, requested=other.requested)
        return Begin(request=request, actor=actor, setup=one.setup, requested=one.requested, partner=second)
    refusals = [_refusal(half, why) for half in (one, other)]
    text = why or next(half.text for half in (one, other) if isinstance(half, NotPrepared))
    return Refuse(
        request=request,
        actor=actor,
        session=lead.session,
        requested=_unused(one),
        refused=refusals[0],
        text=text,
        partner=RefusedPartner(session=partner.session, requested=_unused(other), refused=refusals[1]),
    )


def _in_group(order: Order, group: str, head: Order | None) -> Order:
    is_through_head = head is not None and order.preset.modality is Modality.ESTIM
    head_mm2 = head.preset.context.get("era_mm2") if head is not None and is_through_head else None
    return msgspec.structs.replace(order, group=group, head_mm2=head_mm2)


def _no_combination(lead: Order, partner: Order) -> str | None:
    """Why the two are none, as a sentence; None when they are."""
    halves = {order.preset.modality: order for order in (lead, partner)}
    if set(halves) != COMBINED:
        return "A combination is one ultrasound and one stimulation session. Nothing was sent to the units."
    head = halves[Modality.ULTRASOUND]
    if not head.unit.config.profile.contact.told:
        return f"{head.unit.config.name} does not tell whether its head has contact. Nothing was sent to the units."
    if "era_mm2" not in head.preset.context:
        return f"{head.preset.id} does not say how large the head is. Nothing was sent to the units."
    if lead.patient != partner.patient:
        return "The two sessions name two patients. Nothing was sent to the units."
    return None


def _refusal(half: Prepared | NotPrepared, why: str | None) -> SessionRefused:
    if why is not None:
        return SessionRefused(reason="no_combination")
    return half.refused if isinstance(half, NotPrepared) else SessionRefused(reason=PARTNER_REFUSED)


def _unused(half: Prepared | NotPrepared) -> SessionRequested:
    """The request without a setup: nothing was begun that could be run again."""
    return msgspec.structs.replace(half.requested, setup=msgspec.Raw(b"null"))
