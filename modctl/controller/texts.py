"""What people write freely: the chart holds a salted commitment, the words live in ``people.db`` and can be forgotten.

The commitment is ``sha256(salt ‖ text)`` in hex, the text as UTF-8. The salt is random and goes with the text, so that
whoever has the chart alone can guess nothing, and whoever has both can check every word.
"""

import hashlib
import secrets
from typing import Final

import msgspec

from devices.model import label

MAX_TEXT_CHARS: Final = 500  # chosen: a reason is a sentence or two; the chart's own words say the rest
SALT_BYTES: Final = 32  # chosen: as long as the hash, so that the salt is not its weak side
KEPT, ALTERED, NOT_KEPT = "kept", "altered", "not_kept"


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A text, its salt, and what the chart holds in its place."""

    commitment: str
    salt: bytes
    text: str


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the text behind a commitment: kept, altered (it does not fit any more) or not kept here."""

    state: str
    text: str | None = None


def seal(text: str) -> Sealed:
    """Commit to a text; control characters are made visible first. Empty where nothing readable was written."""
    shown = label(text.strip(), MAX_TEXT_CHARS).strip()
    salt = secrets.token_bytes(SALT_BYTES)
    return Sealed(commitment=commitment(salt, shown), salt=salt, text=shown)


def commitment(salt: bytes, text: str) -> str:
    """What the chart holds in place of a text."""
    return hashlib.sha256(salt + text.encode()).hexdigest()
