"""What is looked at before a simulated unit is added or started, for the command line and the bench screen alike."""

import re
from pathlib import Path
from typing import Final

from devices.racking import NAME_PATTERN, TCP, Add
from modctl.errors import RefusedError, UnreachableError, UsageError

MAX_PORT: Final = 65_535
ONLY_SIMULATED: Final = (
    "This site is for real units: no simulator is added to it or started in it. Lay down another one with: "
    "modctl init DIR --simulated"
)


def add_request(name: str, model: str, address: str, folder: Path, seed: int) -> Add:
    """The order; ``folder`` is where a path that does not begin at the root begins. UsageError where it is none."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise UsageError(f"{name!r} is no name of a unit: small letters, digits and hyphens, at most 32.")
    return Add(name=name, model=model, address=_resolved(address, folder), seed=seed)


def check_not_real(root: Path) -> None:
    """RefusedError in a site for real units; where there is no site, nothing could be mistaken."""
    from modctl.config import load_site

    try:
        site = load_site(root).site
    except UnreachableError:
        return
    if not site.simulated:
        raise RefusedError(ONLY_SIMULATED)


def _resolved(address: str, folder: Path) -> str:
    if not address.startswith(TCP):
        return str(folder.absolute() / address)
    port = address.removeprefix(TCP)
    if not (port.isascii() and port.isdigit() and int(port) <= MAX_PORT):
        raise UsageError(f"{address}: write a path, or tcp:PORT with a port up to {MAX_PORT}; 0 takes any.")
    return address
