"""The bytes of one entry: written once, hashed as written, and read back strictly.

``FORMAT.md`` says them in words. Canonical means: compact JSON in UTF-8, the envelope's fields in their one order, no
key twice, no number that is not an integer.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from modctl.clock import Stamp
from modctl.records import FORMAT_VERSION, KINDS, Draft, Entry, Record


class BodyError(ValueError):
    """The bytes are not an entry's body as modctl writes it; the message says what is wrong."""


def encode_body(seq: int, draft: Draft, stamp: Stamp) -> bytes:
    """The bytes of entry ``seq``."""
    return _ENCODER.encode(
        Entry(
            v=FORMAT_VERSION,
            seq=seq,
            at_utc=stamp.at_utc,
            mono_ns=stamp.mono_ns,
            boottime_ns=stamp.boottime_ns,
            boot=stamp.boot,
            kind=draft.kind,
            session=draft.session,
            actor=draft.actor,
            data=msgspec.Raw(_ENCODER.encode(draft.data)),
        )
    )


def decode_body(body: bytes) -> Entry:
    """The envelope; its ``data`` stays bytes until ``decode_record``. BodyError when it does not decode."""
    try:
        return _ENTRY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as why:
        raise BodyError(str(why)) from why


def decode_record(entry: Entry) -> Record:
    """The entry's data as its kind's type. BodyError for a kind or a field that this program does not know."""
    decoder = _RECORDS.get(entry.kind)
    if decoder is None:
        raise BodyError(f"kind {entry.kind!r} is not known to this program")
    try:
        return decoder.decode(entry.data)
    except (msgspec.DecodeError, UnicodeDecodeError) as why:
        raise BodyError(str(why)) from why


def check_canonical(body: bytes, entry: Entry) -> None:
    """BodyError unless ``body``, which decoded to ``entry``, is the one way to write it."""
    if _ENCODER.encode(entry) != body:
        raise BodyError("the envelope is not written as modctl writes it")
    try:
        plain: object = _PLAIN.decode(entry.data)
    except (msgspec.DecodeError, UnicodeDecodeError) as why:
        raise BodyError(str(why)) from why
    if _ENCODER.encode(plain) != bytes(entry.data):
        raise BodyError("the data is not written as modctl writes it")


def _no_fraction(number: str) -> object:
    raise ValueError(f"{number} is not an integer")


_ENCODER: Final = msgspec.json.Encoder()
_ENTRY: Final = msgspec.json.Decoder(Entry)
_PLAIN: Final = msgspec.json.Decoder(float_hook=_no_fraction)
_RECORDS: Final[Mapping[str, "msgspec.json.Decoder[Record]"]] = {
    kind: msgspec.json.Decoder(record) for kind, record in KINDS.items()
}
