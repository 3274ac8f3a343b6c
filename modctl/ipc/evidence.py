"""What is asked of the chart as evidence: to judge it, to copy it, to sign its head, and how far that is."""

from typing import Literal

import msgspec


class _Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """Strict at the border."""


class VerifyChart(_Message, frozen=True, kw_only=True, tag="verify_chart"):
    """Verify the live chart in the controller's reader; ``checkpoint`` is the text of an outside note.

    ``progress``: say meanwhile how far it is. Who hangs up gives it up.
    """

    id: int
    checkpoint: str | None = None
    vkey: str | None = None
    progress: bool = False


class ExportChart(_Message, frozen=True, kw_only=True, tag="export_chart"):
    """Write a file that leaves the site; that it was taken is charted before.

    ``form``: the chart as one file with its signed head beside it, or the receipt of one ``session``; ``with_keys``:
    with the way from the chart's first key to the receipt's. ``backup``: the whole site, keys and people included.
    """

    id: int
    path: str
    purpose: str
    form: Literal["chart", "receipt", "backup"] = "chart"
    session: str = ""
    with_keys: bool = False


class TakeCheckpoint(_Message, frozen=True, kw_only=True, tag="take_checkpoint"):
    """Sign the chart's head now and give the note."""

    id: int


class LastHead(_Message, frozen=True, kw_only=True, tag="last_head"):
    """The newest head that is signed already, as a note; none in the answer: no head was ever signed."""

    id: int


class Progress(_Message, frozen=True, kw_only=True, tag="progress"):
    """How far the request ``id`` is; its answer comes later."""

    id: int
    done: int
    total: int
