"""Clinics in virtual time for as long as there is time: one seed after the other, every chart judged.

Of four days one is lived at the pace that the profiles have, the others at a slower one, which brings more hours.
"""

from collections import Counter

from devices.model import NS_PER_S
from modctl.clock import SystemClock
from modctl.virtual.clinic import Clinic
from tests.soak.report import Line

TABLES = 16  # as in a clinic with all units that one controller is meant for
MS_PER_HOUR = 3_600_000
HOURS = 8  # a day, then a new seed: what failed once does not colour the rest
SLICE_S = 20
PACES_MS = (None, 400, 400, 400)  # chosen: the slowest with two samples in a second and an answer lost between them


def run(seconds: float, seed: int) -> Line:
    """Clinic days from ``seed`` on until ``seconds`` of real time are over; the day under way is judged as it is."""
    clock = SystemClock()
    until_ns = clock.mono_ns() + int(seconds * NS_PER_S)
    reached: Counter[str] = Counter()
    session_ms: Counter[str] = Counter()
    findings: list[str] = []
    number = seed
    while clock.mono_ns() < until_ns:
        pace_ms = PACES_MS[number % len(PACES_MS)]
        clinic = Clinic(TABLES, HOURS, number, pace_ms=pace_ms)
        while not clinic.is_over and clock.mono_ns() < until_ns:
            clinic.run_for(SLICE_S)
        if clinic.is_over:
            clinic.close()
        tally = clinic.tally()
        reached["clinics"] += 1
        session_ms["session-hours"] += tally.session_ms
        session_ms["session-hours at the profiles' pace"] += tally.session_ms if pace_ms is None else 0
        reached["clinic_hours_x1000"] += tally.hours_ms // 3_600
        reached["sessions"] += sum(tally.sessions.values())
        reached["faults"] += sum(tally.faults.values())
        reached["entries"] += tally.entries
        reached.update({f"outcome_{outcome}": count for outcome, count in tally.sessions.items()})
        findings += [f"seed {number}: {finding}" for finding in tally.findings]
        number += 1
    reached.update({name: spent_ms // MS_PER_HOUR for name, spent_ms in session_ms.items()})
    return Line(family="clinic", seed=seed, reached=dict(sorted(reached.items())), findings=tuple(findings))
