"""What a person adds to a session's record: over the controller's socket, or into the chart while we hold the site."""

from pathlib import Path

from modctl.cli.charts import store_to_ourselves
from modctl.cli.common import Context
from modctl.cli.reach import check_pin, controller_if_any, done, pin_for
from modctl.clock import SystemClock
from modctl.config import Layout
from modctl.controller.accounts import People
from modctl.controller.afterwards import Written, addition
from modctl.controller.rights import refusal
from modctl.ipc.connection import Caller
from modctl.ipc.messages import Refused


def add(context: Context, user: str, pin_file: Path | None, request: Written) -> None:
    """Sign in and have it charted; UsageError or RefusedError says why not."""
    pin = pin_for(context, user, pin_file)
    client = controller_if_any(context)
    if client is not None:
        client.sign_in(user, pin)
        done(client.request(request))
        client.close()
        return
    _add_ourselves(context, user, pin, request)


def _add_ourselves(context: Context, user: str, pin: str, request: Written) -> None:
    """By the same rules as the controller."""
    from modctl.chart.reader import ChartReader

    people = People(Layout(context.site).people)
    role = check_pin(people, user, pin)
    caller = Caller(connection=0, program="modctl", attends=False, user=user, role=role)
    with store_to_ourselves(context) as store:
        entries = ChartReader(store.connection).session(request.session)
        now = SystemClock().stamp()
        made = refusal(request, caller) or addition(entries, request, user, now.at_utc)
        if isinstance(made, Refused):
            done(made)
            return
        if made.sealed is not None:
            people.keep(made.sealed, request.session)
        store.append([(made.draft, now)])
        store.checkpoint()
    people.close()
