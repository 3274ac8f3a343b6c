"""Reaching what a command needs: the running controller, or the site's own files while nobody else uses them."""

import contextlib
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from modctl.cli.common import Context
from modctl.clock import SystemClock
from modctl.config import Layout, SiteConfig, load_site
from modctl.controller.accounts import People, SignInResult
from modctl.errors import RefusedError, UnreachableError, UsageError
from modctl.ipc.client import BlockingClient, NoControllerError, find_socket
from modctl.ipc.messages import Done, Refused

PROGRAM: Final = "modctl"
PIN_VARIABLE: Final = "MODCTL_PIN"


def controller(context: Context, *, attends: bool = False) -> BlockingClient:
    """The site's running controller; UnreachableError says how to start one. ``attends``: our loss stops sessions."""
    return BlockingClient(find_socket(Layout(context.site).run), PROGRAM, attends=attends)


def controller_if_any(context: Context) -> BlockingClient | None:
    """The running controller, or None where nobody listens."""
    try:
        return controller(context)
    except NoControllerError:
        return None


def done(answer: Done | Refused) -> Done:
    """The answer, or the refusal as what ends the command."""
    if isinstance(answer, Done):
        return answer
    if is_usage(answer.code):
        raise UsageError(answer.reason)
    if answer.code == "unreachable":
        raise UnreachableError(answer.reason)
    raise RefusedError(answer.reason)


@contextlib.contextmanager
def site_to_ourselves(layout: Layout) -> Iterator[None]:
    """Hold the site's lock: nobody but its holder opens a live chart. RefusedError while a controller has it."""
    if not layout.run.is_dir():
        raise UnreachableError(f"There is no site in {layout.root}. Lay one down: modctl init {layout.root}")
    from modctl.controller.startup import take_lock

    lock = take_lock(layout)
    try:
        yield
    finally:
        os.close(lock)


def simulated_site(context: Context, what: str) -> SiteConfig:
    """The site, if it is a simulated one; RefusedError where ``what`` must be done by a person at a terminal."""
    site = load_site(context.site)
    if not site.site.simulated:
        raise RefusedError(f"{what} only in a simulated site; here a person does it at a terminal. Nothing began.")
    return site


def pin_for(context: Context, user: str, pin_file: Path | None) -> str:
    """The person's PIN: typed at a terminal; in a simulated site also from MODCTL_PIN or a file."""
    scripted = scripted_pin(context, pin_file)
    return typed_pin(user) if scripted is None else scripted


def scripted_pin(context: Context, pin_file: Path | None) -> str | None:
    """A PIN from a file or from MODCTL_PIN, None where neither is given; RefusedError outside simulated sites."""
    if pin_file is not None:
        simulated_site(context, "--pin-file is read")
        try:
            return pin_file.read_text(encoding="utf-8").strip()
        except OSError as why:
            raise UnreachableError(f"{pin_file} cannot be read: {why.strerror}.") from why
    given = os.environ.get(PIN_VARIABLE)
    if given is not None:
        simulated_site(context, f"{PIN_VARIABLE} is read")
    return given


def typed_pin(user: str) -> str:
    """A PIN from the person at this terminal; RefusedError where there is no terminal."""
    if not sys.stdin.isatty():
        raise RefusedError(f"The PIN of {user} is typed at a terminal, and there is none here. Nothing was started.")
    typed: str = click.prompt(f"PIN of {user}", hide_input=True, err=True)
    return typed


def check_pin(people: People, user: str, pin: str, *, once_counts: bool = False) -> str:
    """Check a person without a controller; gives the role, RefusedError when it is not them.

    ``once_counts``: a PIN that serves once is right too (for setting an own one).
    """
    now = datetime.fromisoformat(SystemClock().stamp().at_utc)
    check = people.begin_sign_in(user, pin, now)
    if isinstance(check, SignInResult):
        raise RefusedError(check.sentence)
    is_right = check.wait()
    result = people.finish_sign_in(check, now, is_right=is_right)
    account = people.user(user)
    if once_counts and is_right and account is not None:
        return account.role
    if result.role is None:
        raise RefusedError(result.sentence)
    return result.role


def is_usage(code: str) -> bool:
    """Whether a refusal is about the words of the request."""
    return code.startswith("unknown") or code in ("malformed", "usage")
