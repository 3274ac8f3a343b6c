"""Throw one fault at a tank: nothing is switched off there; what has to close is the pack that comes out of it."""

import contextlib
import threading
from typing import Final

import msgspec

from devices.bench import Inject, Injected
from devices.model import NS_PER_MS
from modctl.config import Layout
from modctl.ipc.client import BlockingClient
from modctl.ipc.messages import Done, Start, Stop
from tests.conformance.virtual_line import profile_of
from tests.process import small_site as site
from tests.process.fault_rows import listed, tidy, why_not
from tests.process.fault_site import PACK_PRESET, Slot, parameters_of, patient_of

GIVEN, CLOSED = "pack given", "pack refused"
SPARE_MS: Final = 1_500  # chosen: one question of a second under way, and the machine's own
# With these the controller hears nothing that it could believe, or hears of water that is too hot.
CLOSES: Final = frozenset(
    {"silence", "mute", "half-open-tx", "half-open-rx", "disconnect", "exception", "hang", "no-value", "busy"}
    | {"over-temperature"}
)


class TankRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one fault of a tank came to."""

    model: str
    fault: str
    cannot: str = ""
    band: str = ""
    outcome: str = ""
    said: str = ""

    def line(self) -> str:
        """One line of the table."""
        if self.cannot:
            return f"| {self.model} | {self.fault} | | cannot have it | {self.cannot} | |"
        end = f"{self.outcome} (tank {self.band})"
        return f"| {self.model} | {self.fault} | no output | {end} | {self.said} | {self.problem() or 'kept'} |"

    def problem(self) -> str:
        """How this row breaks the promise; empty when it keeps it."""
        if self.cannot or self.outcome == CLOSED:
            return "" if self.cannot or self.said else "refused without a reason"
        return "a pack is given out of a tank that says nothing" if self.fault in CLOSES else ""


def throw(layout: Layout, controller: site.Controller, model: str, slot: Slot, fault: str) -> TankRow:
    """One fault, and one request for a pack when it has had its time to show."""
    row = TankRow(model=model, fault=fault)
    cannot = why_not(layout, model, slot.breaks, fault)
    if cannot:
        return msgspec.structs.replace(row, cannot=cannot)
    live = profile_of(model).liveness
    with contextlib.closing(controller.client(f"fault {fault}")) as client:
        client.sign_in("therapist", site.PIN)
        _wait_fit(client, slot, live.stale_ms + SPARE_MS)
        wanted = Inject(name=slot.breaks, fault=fault, parameters=parameters_of(model, fault))
        assert isinstance(site.ask_simulators(layout, wanted), Injected)
        try:
            _pass_ms(live.stale_ms + live.idle_poll_ms + SPARE_MS)
            return _asked(client, row, slot, fault)
        finally:
            tidy(layout, client, slot)


def _asked(client: BlockingClient, row: TankRow, slot: Slot, fault: str) -> TankRow:
    start = Start(
        id=client.next_id(), unit=slot.runs, patient=patient_of(row.model, fault), preset=PACK_PRESET, file_answers=True
    )
    answer = client.request(start)
    tank = next(one for one in listed(client, slot) if one.name == slot.breaks)
    if isinstance(answer, Done):
        client.request(Stop(id=client.next_id(), session=answer.session, source="terminal"))
        return msgspec.structs.replace(row, band=tank.band, outcome=GIVEN, said=f"{tank.temp_mdegc} m°C")
    return msgspec.structs.replace(row, band=tank.band, outcome=CLOSED, said=answer.reason)


def _wait_fit(client: BlockingClient, slot: Slot, within_ms: int) -> None:
    """The tank says how warm it is, and it is fit."""
    until_ns = site.CLOCK.mono_ns() + within_ms * NS_PER_MS
    while any(row.monitored and row.band not in ("ready", "weak", "hot") for row in listed(client, slot)):
        assert site.CLOCK.mono_ns() < until_ns, listed(client, slot)
        _pass_ms(200)


def _pass_ms(ms: int) -> None:
    threading.Event().wait(ms / 1000)
