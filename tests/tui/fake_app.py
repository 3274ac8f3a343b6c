"""The screens on a real terminal: ``python -m tests.tui.fake_app [--busy] [--log F]``, ``--bench`` or ``--audit``.

Behind the table and the bench is the little clinic, behind the auditor's screen a made-up chart.
"""

import argparse
import functools
import sys
from pathlib import Path

from modctl.clock import SystemClock
from tests.tui.bench_stage import MadeUp as MadeUpRack
from tests.tui.story import Story
from tests.tui.test_audit import MadeUp as MadeUpChart
from tui.app import TableApp
from tui.audit.app import run
from tui.bench.app import BenchApp
from tui.terminal import TableDriver


def main() -> int:
    """Run until the person leaves."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--busy", action="store_true", help="an ultrasound session runs already")
    parser.add_argument("--hostile", action="store_true", help="its patient's name holds control characters")
    parser.add_argument("--alarm", action="store_true", help="and it alarms, with high urgency")
    parser.add_argument("--crowd", action="store_true", help="four tables, each in need of something else")
    parser.add_argument("--quiet", action="store_true", help="no bell")
    parser.add_argument("--log", type=Path, help="note every request here")
    parser.add_argument("--pin", help="sign in without being asked")
    parser.add_argument("--audit", action="store_true", help="the auditor's screen instead of the table")
    parser.add_argument("--bench", action="store_true", help="the technician's screen instead of the table")
    given = parser.parse_args()
    if given.audit:
        return run(MadeUpChart())
    asked = {"busy": given.busy, "hostile": given.hostile, "alarms": given.alarm, "crowd": given.crowd}
    dial = functools.partial(Story.dial, log=given.log, **asked)
    if given.bench:
        bench = BenchApp(MadeUpRack(), dial, SystemClock(), user="t", pin=given.pin, driver_class=TableDriver)
        return bench.serve()
    app = TableApp(dial, SystemClock(), user="therapist", pin=given.pin, driver_class=TableDriver, is_quiet=given.quiet)
    return app.serve()


if __name__ == "__main__":
    sys.exit(main())
