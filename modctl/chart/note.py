"""Signed notes and checkpoints as text, after C2SP (c2sp.org/signed-note, c2sp.org/tlog-checkpoint), Ed25519 only.

Text in, text out: no files, no clock, no randomness. A note is UTF-8 text, an empty line, and signature lines; a
verifier key is one line that can be read over the telephone. Lines by signers that nobody asked about (witnesses) are
carried along and prove nothing here.
"""

import base64
import binascii
from enum import StrEnum
from hashlib import sha256
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from modctl.chart.errors import NoteError
from modctl.chart.tlog import HASH_BYTES

ED25519: Final = b"\x01"  # c2sp.org/signed-note, signature types
KEY_BYTES: Final = 32  # RFC 8032 5.1.5: seed and public key alike
KEY_ID_BYTES: Final = 4  # c2sp.org/signed-note, format
MAX_NOTE_BYTES: Final = 1_000_000  # as golang.org/x/mod/sumdb/note refuses
MAX_SIGNATURES: Final = 100  # as golang.org/x/mod/sumdb/note refuses
FIRST_PRINTABLE: Final = 0x20  # c2sp.org/signed-note: no ASCII control characters but newline

_PRIVATE: Final = "PRIVATE+KEY+"  # the form of golang.org/x/mod/sumdb/note, so that its tools read our keys
_DASH: Final = "— "
_BREAK: Final = "\n\n"
_CHECKPOINT_LINES: Final = 3
_MAX_SIZE_DIGITS: Final = 19  # chosen, because SQLite's sequence numbers are signed 64-bit integers


class VerifierKey(msgspec.Struct, frozen=True):
    """A signer's name and Ed25519 public key. ``str()`` is the C2SP vkey: ``name+hash+base64``."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256(name ‖ newline ‖ 0x01 ‖ public key)."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:KEY_ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{to_base64(ED25519 + self.public)}"


class SigningKey(msgspec.Struct, frozen=True):
    """A signer's name and Ed25519 seed. It never shows its seed but through ``private_text``."""

    name: str
    seed: bytes

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        return VerifierKey(self.name, private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def private_text(self) -> str:
        """``PRIVATE+KEY+name+hash+base64``, for the key file and nothing else."""
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{to_base64(ED25519 + self.seed)}"

    def __repr__(self) -> str:
        return f"SigningKey({self.name!r}, seed not shown)"


class Signature(msgspec.Struct, frozen=True):
    """One signature line: who, which key, and the bytes."""

    name: str
    key_id: bytes
    signature: bytes


class Note(msgspec.Struct, frozen=True):
    """A note that parsed; nothing is verified by that. ``text`` ends with a newline and is what is signed."""

    text: str
    signatures: tuple[Signature, ...]


class Seal(StrEnum):
    """What a note's signatures say about one key."""

    GOOD = "good"
    FORGED = "forged"  # a line names this key, and the signature is not its
    ABSENT = "absent"  # no line names this key


class Checkpoint(msgspec.Struct, frozen=True):
    """The head of one log: its name, how many entries, and the root hash over them."""

    origin: str
    size: int
    root: bytes


def parse_vkey(text: str) -> VerifierKey:
    """Read ``name+hash+base64``; NoteError when it is malformed or its hash is not that of its key."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    key = VerifierKey(_checked_name(name), _key_material(encoded, "verifier key"))
    if key_id != key.key_id.hex():
        raise NoteError(f"verifier key of {name!r}: the hash says {key_id!r}, the key says {key.key_id.hex()!r}")
    return key


def parse_private_key(text: str) -> SigningKey:
    """Read what ``private_text`` wrote; NoteError otherwise, never with the key in its message."""
    text = text.strip()
    if not text.startswith(_PRIVATE):
        raise NoteError("a private key begins with PRIVATE+KEY+")
    name, _, rest = text.removeprefix(_PRIVATE).partition("+")
    key_id, _, encoded = rest.partition("+")
    key = SigningKey(_checked_name(name), _key_material(encoded, "private key"))
    if key_id != key.verifier.key_id.hex():
        raise NoteError(f"private key of {name!r}: its hash does not fit its key")
    return key


def sign(text: str, key: SigningKey) -> bytes:
    """The note that says ``text`` (which ends with a newline), signed by ``key``. Same text and key, same bytes."""
    _check_text(text)
    private = Ed25519PrivateKey.from_private_bytes(key.seed)
    signature = private.sign(text.encode())
    return f"{text}\n{_DASH}{key.name} {to_base64(key.verifier.key_id + signature)}\n".encode()


def parse_note(note: bytes) -> Note:
    """Split a note into its text and signatures; NoteError when it is none."""
    if len(note) > MAX_NOTE_BYTES:
        raise NoteError(f"a note has at most {MAX_NOTE_BYTES} bytes, this one {len(note)}")
    try:
        whole = note.decode()
    except UnicodeDecodeError as why:
        raise NoteError("a note is UTF-8 text") from why
    at = whole.rfind(_BREAK)
    if at < 0 or not whole.endswith("\n"):
        raise NoteError("a note ends with an empty line and signature lines")
    text, lines = whole[: at + 1], whole[at + len(_BREAK) :].split("\n")[:-1]
    _check_text(text)
    if not 0 < len(lines) <= MAX_SIGNATURES:
        raise NoteError(f"a note has 1 to {MAX_SIGNATURES} signature lines, this one {len(lines)}")
    return Note(text, tuple(_signature(line) for line in lines))


def seal(note: Note, key: VerifierKey) -> Seal:
    """Whether ``key`` signed the note. Of several lines by one key all must be good."""
    ours = [line for line in note.signatures if line.name == key.name and line.key_id == key.key_id]
    if not ours:
        return Seal.ABSENT
    public = Ed25519PublicKey.from_public_bytes(key.public)
    try:
        for line in ours:
            public.verify(line.signature, note.text.encode())
    except InvalidSignature:
        return Seal.FORGED
    return Seal.GOOD


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """Three lines: origin, size in decimal, root in base64."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{to_base64(checkpoint.root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a note's text as a checkpoint. Extension lines may follow the three and are not looked at."""
    lines = text.split("\n")[:-1]
    if len(lines) < _CHECKPOINT_LINES or not all(lines):
        raise NoteError("a checkpoint has three lines: origin, size, root")
    origin, size, root = lines[:_CHECKPOINT_LINES]
    decimal = size.isascii() and size.isdigit() and len(size) <= _MAX_SIZE_DIGITS
    if not decimal or str(int(size)) != size:
        raise NoteError(f"a checkpoint's size is a decimal number, not {size!r}")
    decoded = from_base64(root)
    if len(decoded) != HASH_BYTES:
        raise NoteError(f"a checkpoint's root has {HASH_BYTES} bytes, not {len(decoded)}")
    return Checkpoint(origin, int(size), decoded)


def _signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise NoteError(f"not a signature line: {line!r}")
    decoded = from_base64(encoded)
    if len(decoded) <= KEY_ID_BYTES:
        raise NoteError(f"a signature line without a signature: {line!r}")
    return Signature(_checked_name(name), decoded[:KEY_ID_BYTES], decoded[KEY_ID_BYTES:])


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise NoteError("a note's text ends with a newline")
    if any(ord(letter) < FIRST_PRINTABLE and letter != "\n" for letter in text):
        raise NoteError("a note's text holds no control characters but newlines")


def _checked_name(name: str) -> str:
    if not name or "+" in name or any(letter.isspace() for letter in name):
        raise NoteError(f"a key's name is not empty and holds neither spaces nor plus signs: {name!r}")
    return name


def _key_material(encoded: str, what: str) -> bytes:
    decoded = from_base64(encoded)
    if decoded[:1] != ED25519 or len(decoded) != 1 + KEY_BYTES:
        raise NoteError(f"a {what} is the byte 1 (Ed25519) and {KEY_BYTES} bytes")
    return decoded[1:]


def to_base64(raw: bytes) -> str:
    """Standard alphabet, padded: the one form in notes and proofs."""
    return base64.b64encode(raw).decode("ascii")


def from_base64(encoded: str) -> bytes:
    """What ``to_base64`` wrote; NoteError for any other spelling."""
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as why:
        raise NoteError("not base64 (standard alphabet, padded)") from why
    if to_base64(decoded) != encoded:
        raise NoteError("not base64 in its one canonical form")
    return decoded
