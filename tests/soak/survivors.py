"""Mutants that nobody can notice, by name, each with its reason: ``survivors.toml``, which only shrinks."""

from pathlib import Path
from typing import Final, Literal

import msgspec

SURVIVORS: Final = Path(__file__).with_name("survivors.toml")


class _Explained(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    reason: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``table``: of our own mutator (``mutate``); ``body``: of mutmut (``bodies``)."""

    table: tuple[_Explained, ...] = ()
    body: tuple[_Explained, ...] = ()


def explained(kind: Literal["table", "body"]) -> dict[str, str]:
    """Name -> reason."""
    file = msgspec.toml.decode(SURVIVORS.read_bytes(), type=_File)
    return {one.name: one.reason for one in (file.table if kind == "table" else file.body)}
