"""Opening a soft limit from a terminal: as it was said on the command line, or asked when the limit is met."""

from collections.abc import Callable, Mapping
from typing import Final

import click

from modctl import text
from modctl.cli.common import say
from modctl.errors import UsageError
from modctl.ipc.hands import OverrideAsk
from modctl.ipc.messages import Refused

SOFT: Final = "soft_limit"
TWO_PEOPLE: Final = "second_person"
Ask = Callable[[Refused], OverrideAsk | None]


def asked_for(given: tuple[str, ...], second: str, second_pin: str) -> tuple[OverrideAsk, ...]:
    """``LIMIT=REASON`` of the command line as what the controller is asked."""
    return tuple(_asked_for(one, second, second_pin) for one in given)


def _asked_for(given: str, second: str, second_pin: str) -> OverrideAsk:
    limit, _, reason = given.partition("=")
    if not limit or not reason.strip():
        raise UsageError(f"--override {given}: write LIMIT=REASON, the reason in words. Nothing was started.")
    return OverrideAsk(limit=limit, reason=reason.strip(), second_user=second, second_pin=second_pin)


def typed(refusal: Refused) -> OverrideAsk | None:
    """Ask the person at this terminal for what opens the limit; None when they do not want to."""
    if refusal.code != SOFT or refusal.limit is None or refusal.door is None:
        return None
    say(f"{refusal.limit}: {_numbers(refusal)}. {text.door(refusal.door)}")
    reason: str = click.prompt("Reason (empty: not opened)", default="", show_default=False, err=True)
    if not reason.strip():
        return None
    second, pin = "", ""
    if refusal.door == TWO_PEOPLE:
        second = click.prompt("Second person", err=True)
        pin = click.prompt(f"PIN of {second}", hide_input=True, err=True)
    return OverrideAsk(limit=refusal.limit, reason=reason.strip(), second_user=second, second_pin=pin)


def _numbers(refusal: Refused) -> str:
    known: Mapping[str, int | None] = {"asked": refusal.observed, "bound": refusal.bound}
    shown = [f"{word} {text.ucum(value, refusal.unit or '')}" for word, value in known.items() if value is not None]
    source = "" if refusal.source is None else f" ({text.source(refusal.source, refusal.mark or '')})"
    return f"{', '.join(shown)}{source}"
