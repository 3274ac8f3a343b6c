"""The bytes of entries: one way to write each, and nothing else is taken for it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modctl.chart.body import BodyError, check_canonical, decode_body, decode_record, encode_body
from modctl.records import KINDS, Draft, Record, StopPressed
from tests.unit.chart.charts import sample, stamp

BODY = encode_body(2, Draft(data=StopPressed(unit=None, source="screen"), actor="therapist"), stamp(5))


def read_all(body: bytes) -> Record:
    """What the verifier does with an entry's bytes."""
    entry = decode_body(body)
    check_canonical(body, entry)
    return decode_record(entry)


def test_the_bytes_are_these() -> None:
    """``FORMAT.md`` promises them, and every hash ever signed hangs on them."""
    expected = (
        b'{"v":1,"seq":2,"at_utc":"2026-03-02T08:00:05.000Z","mono_ns":5000000000,"boottime_ns":5000000000,'
        b'"boot":"0f2d5c1e-7a9b-4c3d-8e1f-000000000001","kind":"stop.pressed","session":null,"actor":"therapist",'
        b'"data":{"unit":null,"source":"screen"}}'
    )

    assert expected == BODY


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_is_read_back_as_it_was_written(kind: str) -> None:
    """What cannot be read back is not evidence."""
    record = sample(KINDS[kind])
    body = encode_body(1, Draft(data=record, session="s-1"), stamp(1))

    assert record == read_all(body)
    assert kind == decode_body(body).kind


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_field_that_no_kind_has_is_refused(kind: str) -> None:
    """What modctl did not write must not pass as an entry."""
    body = encode_body(1, Draft(data=sample(KINDS[kind])), stamp(1))
    empty = decode_body(body).data == b"{}"
    forged = body[:-2] + (b'"zz":1}}' if empty else b',"zz":1}}')

    with pytest.raises(BodyError):
        read_all(forged)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"seq":2', b'"seq": 2'),
        (b'"v":1,"seq":2', b'"seq":2,"v":1'),
        (b'"seq":2', b'"seq":1,"seq":2'),
        (b'"unit":null', b'"unit":null,"unit":null'),
        (b'"source":"screen"', b'"source": "screen"'),
        (b'"source":"screen"', b'"source":"scr\\u0065en"'),
        (b'"seq":2', b'"seq":2.0'),
        (b'"seq":2', b'"seq":"2"'),
        (b'"session":null,', b""),
        (b'"v":1', b'"v":1,"x":1'),
        (b"}}", b"}} "),
        (b"}}", b"}"),
        (b"screen", b"\xff"),
        (b"stop.pressed", b"stop.unknown"),
        (b'"data":{', b'"data":[{'),
        (b'"source":"screen"', b'"source":1'),
    ],
)
def test_another_way_to_write_it_is_refused(old: bytes, new: bytes) -> None:
    """Two texts with one meaning are two entries to a hash, and one to a reader."""
    assert old in BODY
    with pytest.raises(BodyError):
        read_all(BODY.replace(old, new, 1))


@pytest.mark.parametrize("made", [b'{"a":1.5}', b'{"a":1e3}', b'{"a": 1}', b'{"a":1,"a":2}', b'["\\u0041"]'])
def test_data_that_a_reducer_wrote_raw_is_held_to_the_same(made: bytes) -> None:
    """Inputs are stored as their writer encoded them; a fraction or a doubled key there would replay differently."""
    body = encode_body(1, Draft(data=sample(KINDS["inputs"], events=msgspec.Raw(made)), session="s-1"), stamp(1))

    with pytest.raises(BodyError):
        read_all(body)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_but_the_refusal(body: bytes) -> None:
    """The verifier reads files that somebody else wrote."""
    with pytest.raises(BodyError):
        read_all(body)


@given(st.integers(min_value=0, max_value=len(BODY) - 1), st.integers(min_value=1, max_value=255))
def test_one_changed_byte_is_refused_or_is_another_entry(at: int, change: int) -> None:
    """There is no second spelling within one byte of the first."""
    changed = BODY[:at] + bytes([BODY[at] ^ change]) + BODY[at + 1 :]
    try:
        record = read_all(changed)
    except BodyError:
        return

    assert (decode_body(changed), record) != (decode_body(BODY), read_all(BODY))
