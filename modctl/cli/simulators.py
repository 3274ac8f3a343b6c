"""Asking the simulators: one request, and its reply or replies, over their control socket."""

import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec

from devices.bench import MAX_LINE_BYTES, Ask, NotPossible, Refusal, Reply, Request, line_of, reply_of
from devices.sim.lines import short_name
from modctl.errors import RefusedError, UnreachableError, UsageError

REFUSED = frozenset({Refusal.CANNOT_FAIL, Refusal.NO_ROOM, Refusal.IN_USE, Refusal.STOPPED})  # else: usage
REPLY_S = 3  # chosen: the simulators look at their socket every 20 ms, and tell a follower something every second


def asked(control: Path, request: Request) -> Reply:
    """The reply to one request; the exceptions of ``modctl.errors`` where there is none or it says no."""
    for reply in replies(control, request):
        return reply
    raise UnreachableError(f"The simulators at {control} hung up without an answer.")


def replies(control: Path, request: Request) -> Iterator[Reply]:
    """Every reply to one request: one, or for ``Ask(follow=True)`` one at each change until they stop."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(REPLY_S)
        try:
            with short_name(control) as name:
                peer.connect(name)
            peer.sendall(line_of(request))
            for line in _lines(peer):
                yield _wanted(reply_of(line))
                if not (isinstance(request, Ask) and request.follow):
                    return
        except FileNotFoundError as why:
            raise UnreachableError(f"No simulators at {control}. Start them with: modctl sim run") from why
        except ConnectionRefusedError as why:
            raise UnreachableError(f"The simulators at {control} have ended. Start them with: modctl sim run") from why
        except OSError as why:
            raise UnreachableError(f"The simulators at {control} do not answer: {why.strerror or why}.") from why
        except msgspec.DecodeError as why:
            raise UnreachableError(f"What listens at {control} are not simulators of this version: {why}.") from why


def _lines(peer: socket.socket) -> Iterator[bytes]:
    unread = b""
    while received := peer.recv(MAX_LINE_BYTES):
        *whole, unread = (unread + received).split(b"\n")
        yield from whole


def _wanted(reply: Reply) -> Reply:
    if not isinstance(reply, NotPossible):
        return reply
    if reply.what in REFUSED:
        raise RefusedError(f"{reply.why}.")
    raise UsageError(f"{reply.why}.")
