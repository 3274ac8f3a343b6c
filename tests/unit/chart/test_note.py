"""Signed notes and checkpoints against published examples and against what must be refused."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modctl.chart.errors import NoteError
from modctl.chart.note import (
    Checkpoint,
    Seal,
    SigningKey,
    checkpoint_text,
    parse_checkpoint,
    parse_note,
    parse_private_key,
    parse_vkey,
    seal,
    sign,
)

# golang.org/x/mod/sumdb/note, package documentation: a key, a text and the note that Go makes of them.
GO_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_SIGNATURE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
GO_NOTE = f"{GO_TEXT}\n{GO_SIGNATURE}".encode()

KEY = SigningKey("modctl.chart/test/00000000", bytes(range(32)))
OTHER = SigningKey("modctl.chart/test/00000000", bytes(32))
HEAD = Checkpoint("modctl.chart/test/00000000", 7, bytes(range(32)))


def test_gos_note_comes_out_byte_for_byte() -> None:
    """An auditor's Go tool reads our heads, and we read its keys."""
    key = parse_private_key(GO_PRIVATE)

    assert GO_PUBLIC == str(key.verifier)
    assert GO_NOTE == sign(GO_TEXT, key)
    assert Seal.GOOD is seal(parse_note(GO_NOTE), parse_vkey(GO_PUBLIC))


def test_a_checkpoint_is_three_lines() -> None:
    """c2sp.org/tlog-checkpoint: origin, size, root."""
    text = "modctl.chart/test/00000000\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"

    assert text == checkpoint_text(HEAD)
    assert HEAD == parse_checkpoint(text)


def test_extension_lines_are_signed_but_not_read() -> None:
    """A later version may say more under the three lines; what this one knows must stay readable."""
    assert HEAD == parse_checkpoint(checkpoint_text(HEAD) + "more\n")


def test_keys_survive_their_text() -> None:
    """A key file and a vkey are all that is left of a key after a restart."""
    assert KEY == parse_private_key(KEY.private_text())
    assert KEY.verifier == parse_vkey(f"{KEY.verifier}\n")


def test_a_private_key_does_not_show_itself() -> None:
    """A key in a traceback is a key in a log."""
    assert KEY.private_text() not in repr(KEY)
    assert "seed not shown" in repr(KEY)


def test_a_changed_text_is_forged() -> None:
    """The one thing that a signature is for."""
    note = parse_note(sign(checkpoint_text(HEAD), KEY).replace(b"\n7\n", b"\n8\n"))

    assert Seal.FORGED is seal(note, KEY.verifier)


def test_another_key_of_the_same_name_does_not_count() -> None:
    """Each epoch's key has the chart's name; only the announced one may sign."""
    note = parse_note(sign(checkpoint_text(HEAD), OTHER))

    assert Seal.ABSENT is seal(note, KEY.verifier)


def test_a_witness_line_is_carried_and_ignored() -> None:
    """c2sp.org/signed-note: signatures by unknown keys are ignored, so witnesses can add theirs."""
    witnessed = sign(checkpoint_text(HEAD), KEY) + sign(checkpoint_text(HEAD), OTHER).splitlines(keepends=True)[-1]

    assert Seal.GOOD is seal(parse_note(witnessed), KEY.verifier)


def test_one_forged_line_spoils_a_good_one_of_the_same_key() -> None:
    """A note that contradicts itself is not evidence."""
    good = sign(checkpoint_text(HEAD), KEY)
    forged = sign("something else\n", KEY).splitlines(keepends=True)[-1]

    assert Seal.FORGED is seal(parse_note(good + forged), KEY.verifier)


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"\n\n",
        b"text\n\n- dash 0000\n",
        "text\n\n— name\n".encode(),
        "text\n\n— name AAAA\n".encode(),
        "text\n\n— name AAAAAA==".encode(),
        "text\n\n— na+me AAAAAAAA\n".encode(),
        "text\n\n—  AAAAAAAA\n".encode(),
        "te\rxt\n\n— name AAAAAAAA\n".encode(),
        "te\x1b[2Jxt\n\n— name AAAAAAAA\n".encode(),
        "text\n\n— name AAAAAAAB=\n".encode(),
        b"\xff\n\n",
        ("text\n\n" + "— name AAAAAAAA\n" * 101).encode(),
        b"x" * 1_000_001,
    ],
)
def test_what_is_no_note_is_refused(note: bytes) -> None:
    """A note comes from outside: paper, mail, another machine."""
    with pytest.raises(NoteError):
        parse_note(note)


@pytest.mark.parametrize(
    "text",
    [
        "origin\n7\n",
        "origin\n07\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "origin\n-7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "origin\n\u0667\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        f"origin\n{'9' * 5000}\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "origin\n7\nAAEC\n",
        "origin\n7\nnot base64\n",
        "\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "origin\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    """A root that decodes two ways, or a size that reads two ways, could be signed once and shown twice."""
    with pytest.raises(NoteError):
        parse_checkpoint(text)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+c74f20a3",
        "na me+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AhpC2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2Q==",
    ],
)
def test_what_is_no_verifier_key_is_refused(vkey: str) -> None:
    """A mistyped key must not turn into another key."""
    with pytest.raises(NoteError):
        parse_vkey(vkey)


@pytest.mark.parametrize(
    "text",
    ["", GO_PUBLIC, GO_PRIVATE.replace("c74f20a3", "c74f20a4"), GO_PRIVATE[:-4], GO_PRIVATE.replace("+AY", "+Ag")],
)
def test_what_is_no_private_key_is_refused_without_showing_it(text: str) -> None:
    """The message of a broken key file ends up on a screen."""
    with pytest.raises(NoteError) as refused:
        parse_private_key(text)

    assert "AYEKFALVFGyNhPJEMzD1QIDr" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "no newline", "bell\a\n"])
def test_what_cannot_be_read_back_is_not_signed(text: str) -> None:
    """Our own bug is found before the signature exists."""
    with pytest.raises(NoteError):
        sign(text, KEY)


@given(st.binary(max_size=400))
def test_arbitrary_bytes_raise_nothing_but_the_refusal(note: bytes) -> None:
    """The parser meets whatever an auditor is handed."""
    try:
        parse_note(note)
    except NoteError:
        return


@given(st.integers(min_value=0, max_value=10_000))
def test_a_note_with_one_flipped_bit_never_counts(seed: int) -> None:
    """Anywhere in it: text, name, key id, signature."""
    note = bytearray(sign(checkpoint_text(HEAD), KEY))
    rng = random.Random(seed)
    note[rng.randrange(len(note))] ^= 1 << rng.randrange(8)
    try:
        verdict = seal(parse_note(bytes(note)), KEY.verifier)
    except NoteError:
        return

    assert verdict in {Seal.FORGED, Seal.ABSENT}
