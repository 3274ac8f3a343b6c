"""A second verifier, written from ``FORMAT.md`` alone: it shares no line with modctl, and the two must agree.

Standard library and an Ed25519 verification; the entries come from an export of lines, the heads from the file.
"""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from modctl.chart.export import copy_lines
from modctl.chart.sqlite import open_reader
from modctl.chart.verify import Judgement, verify_file
from tests.tamper.conftest import Target
from tests.tamper.forger import Attack, attacked, cut_after, edit, sql


class UnsoundError(Exception):
    """What the outsider says of a chart that does not hold."""


def merkle_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 2.1, as it is written there."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + merkle_root(leaves[:split]) + merkle_root(leaves[split:])).digest()


def check_signature(note: str, vkey: str) -> None:
    """C2SP signed note: the text before the empty line, one signature line of the key."""
    text, _, line = note.rpartition("\n\n")
    name, _, key = vkey.split("+", 2)
    raw = base64.b64decode(key)
    dash, signer, encoded = line.rstrip("\n").split(" ")
    signature = base64.b64decode(encoded)
    key_id = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    if (dash, signer, signature[:4]) != ("—", name, key_id):
        raise UnsoundError("signed by another key")
    try:
        Ed25519PublicKey.from_public_bytes(raw[1:]).verify(signature[4:], f"{text}\n".encode())
    except InvalidSignature as why:
        raise UnsoundError("forged") from why


def judge(lines: list[bytes], heads: dict[int, str]) -> str:
    """The root over the lines, when every head fits and every key was announced under the one before it."""
    leaves: list[bytes] = []
    key, origin = "", ""
    for seq, line in enumerate(lines, start=1):
        entry = json.loads(line)
        if entry["seq"] != seq:
            raise UnsoundError(f"entry {seq} says it is {entry['seq']}")
        leaves.append(hashlib.sha256(b"\x00" + line).digest())
        if seq == 1:
            key, origin = entry["data"]["vkey"], entry["data"]["origin"]
        if seq in heads:
            name, size, root = heads[seq].split("\n")[:3]
            if (name, size, base64.b64decode(root)) != (origin, str(seq), merkle_root(leaves)):
                raise UnsoundError(f"the head of {seq} is of something else")
            check_signature(heads[seq], key)
        if entry["kind"] in {"genesis", "key.rotated", "session.started", "session.ended"} and max(heads) < seq:
            raise UnsoundError(f"no head covers {seq}")
        if entry["kind"] == "key.rotated":
            if seq not in heads:
                raise UnsoundError(f"the key of {seq} is not signed for")
            key = entry["data"]["vkey"]
    if max(heads) > len(lines):
        raise UnsoundError("cut off")
    return merkle_root(leaves).hex()


def outside_judgement(chart: Path) -> str:
    """What the outsider finds: the root, or a refusal."""
    target = chart.with_suffix(".jsonl")
    reader = open_reader(chart)
    copy_lines(reader, target)
    heads = {size: note.decode() for size, note in reader.execute("SELECT size, note FROM checkpoint")}
    reader.close()
    return judge(target.read_bytes().splitlines(), heads)


def test_an_outsider_comes_to_the_same_root(target: Target) -> None:
    """The chart needs no trust in the program that wrote it."""
    assert verify_file(target.chart).root == outside_judgement(target.chart)


@pytest.mark.parametrize(
    "attack",
    [
        edit(11, b'"patient":"p-2"', b'"patient":"p-7"'),
        sql("DELETE FROM entry WHERE seq > 17"),
        sql("DELETE FROM checkpoint WHERE size = 9"),
        sql("DELETE FROM checkpoint WHERE size > 9"),
        sql("DELETE FROM entry WHERE seq = 14"),
    ],
)
def test_an_outsider_finds_what_we_find(target: Target, attack: Attack) -> None:
    """Two programs, one rule book."""
    chart = attacked(target.site, attack)

    assert Judgement.BROKEN is verify_file(chart).verdict
    with pytest.raises(UnsoundError):
        outside_judgement(chart)


def test_an_outsider_does_not_find_what_we_do_not_find(target: Target) -> None:
    """A chart that was cut at a signed end is sound by itself; only a head from elsewhere tells."""
    chart = attacked(target.site, cut_after(17))

    assert verify_file(chart).root == outside_judgement(chart)
