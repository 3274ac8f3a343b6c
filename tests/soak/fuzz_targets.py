"""The parsers, what each promises to raise, how much it may hold, and what its inputs are made from."""

import atexit
import contextlib
import functools
import random
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from devices import bench, profile
from devices.model import NS_PER_MS, Modality, MonoNs
from devices.sim.catalog import SIMULATED
from modctl.chart.body import BodyError, check_canonical, decode_body, decode_record, encode_body
from modctl.chart.errors import NoteError
from modctl.chart.grammar import Grammar
from modctl.chart.note import parse_checkpoint, parse_note, parse_private_key, parse_vkey
from modctl.chart.tlog import Frontier
from modctl.cli.answers import read_answers
from modctl.clinic import library
from modctl.config import load_bench, load_site
from modctl.errors import ModctlError
from modctl.ipc import messages
from modctl.ipc.messages import Answering, Request
from modctl.ipc.wire import LineReader, Nonsense, answer_reader, request_reader
from modctl.records import KINDS, Draft
from modctl.virtual.scenario import load_scenario
from protocols import (
    lines,
    modbus,
    openlifu,
    orca,
    registers,
    sciencemode2,
    sciencemode2_answers,
    sciencemode4,
    sciencemode4_answers,
    tpo,
)
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.modbus_crc import with_crc
from protocols.sciencemode import Packet
from protocols.tpo_exchange import TpoExchange
from tests.conformance.virtual_line import simulated
from tests.soak.fuzz_input import pieces, traffic
from tests.unit.chart.charts import sample, stamp

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of this run's own inside it
Corpus = Callable[[], Sequence[bytes]]


class Parser:
    """One parser at work. ``holds``: the objects whose bytes are counted."""

    def __init__(self, take: Callable[[bytes], object], *holds: object) -> None:
        self.take = take
        self.holds = holds


class Target(msgspec.Struct, frozen=True):
    """One row. ``promised`` is what it may raise; ``most_bytes`` what it may keep of what it was fed."""

    name: str
    corpus: Corpus
    make: Callable[[random.Random], Parser]
    promised: tuple[type[Exception], ...] = ()
    most_bytes: int | None = None


def held_bytes(holders: Iterable[object], depth: int = 4) -> int:
    """All bytes that are reachable from some objects of ours, a few steps deep."""
    total = 0
    for one in holders:
        if isinstance(one, bytes | bytearray | str):
            total += len(one)
        elif isinstance(one, list | tuple | set | frozenset) and depth:
            total += held_bytes(one, depth - 1)
        elif isinstance(one, dict) and depth:
            total += held_bytes(one.values(), depth - 1)
        elif hasattr(one, "__dict__") and not isinstance(one, type) and depth:
            total += held_bytes(vars(one).values(), depth - 1)
    return total


def _plain(take: Callable[[bytes], object]) -> Callable[[random.Random], Parser]:
    return lambda _dice: Parser(take)


def _in_pieces(feed: Callable[[bytes], object], dice: random.Random, *holds: object) -> Parser:
    def take(given: bytes) -> None:
        for piece in pieces(given, dice):
            feed(piece)

    return Parser(take, *holds)


# Lines of units


def _heard(model: str, link: str | None = None) -> Corpus:
    return lambda: traffic(model, link).heard


def _sent(model: str, link: str | None = None) -> Corpus:
    return lambda: traffic(model, link).sent


def _modbus_answers(framing: modbus.Framing) -> Callable[[random.Random], Parser]:
    asked = modbus.read(1, modbus.Function.READ_HOLDING, 0, 4)
    written = modbus.write(1, 16, (1, 2))

    def make(dice: random.Random) -> Parser:
        decoder = modbus.AnswerDecoder(framing, {100: 19})

        def take(given: bytes) -> None:
            roll = dice.getrandbits(2)
            if roll == 0:
                decoder.expect(written, dice.getrandbits(4))
            elif roll == 1:
                decoder.expect(asked, dice.getrandbits(4))
            elif roll == 2:
                decoder.give_up()
            sealed = with_crc(given[:-2]) if framing is modbus.Framing.RTU and dice.getrandbits(1) else given
            for piece in pieces(sealed, dice):
                decoder.feed(piece)

        return Parser(take, decoder)

    return make


def _modbus_requests(framing: modbus.Framing) -> Callable[[random.Random], Parser]:
    def make(dice: random.Random) -> Parser:
        def take(given: bytes) -> None:
            sealed = with_crc(given[:-2]) if framing is modbus.Framing.RTU and dice.getrandbits(1) else given
            request = modbus.decode_request(sealed, framing)
            assert modbus.decode_request(modbus.encode(request, framing), framing) == request

        return Parser(take)

    return make


def _eyes(model: str) -> Callable[[random.Random], Parser]:
    return lambda _dice: Parser(traffic(model).rig.driver.inspect)


def _sciencemode2(dice: random.Random) -> Parser:
    decoder = sciencemode2.Decoder()

    def feed(piece: bytes) -> None:
        for event in decoder.feed(piece):
            if isinstance(event, Packet):
                _promised(sciencemode2_answers.answer_of, event)

    return _in_pieces(feed, dice, decoder)


def _sciencemode2_sealed(dice: random.Random) -> Parser:
    def take(given: bytes) -> None:
        packet = Packet(dice.getrandbits(8), dice.getrandbits(5), given[:20])
        _promised(sciencemode2_answers.answer_of, packet)
        sciencemode2.inspect(sciencemode2.encode(packet))

    return Parser(take)


def _sciencemode4(dice: random.Random) -> Parser:
    decoder = sciencemode4.Decoder()

    def feed(piece: bytes) -> None:
        for event in decoder.feed(piece):
            if isinstance(event, Packet):
                _promised(sciencemode4_answers.answer_of, event)

    return _in_pieces(feed, dice, decoder)


def _sciencemode4_sealed(dice: random.Random) -> Parser:
    def take(given: bytes) -> None:
        command = dice.getrandbits(10) if dice.getrandbits(2) == 0 else 30 + dice.getrandbits(6)
        packet = Packet(command % 1024, dice.getrandbits(6), given[:200])
        _promised(sciencemode4_answers.answer_of, packet)
        sciencemode4.inspect(sciencemode4.encode(packet))

    return Parser(take)


def _openlifu(dice: random.Random) -> Parser:
    decoder = openlifu.Decoder()

    def feed(piece: bytes) -> None:
        for event in decoder.feed(piece):
            if isinstance(event, openlifu.Packet):
                _openlifu_payload(event.payload)

    return _in_pieces(feed, dice, decoder)


def _openlifu_sealed(dice: random.Random) -> Parser:
    kinds = [word.value for word in openlifu.Word]

    def take(given: bytes) -> None:
        kind, command = kinds[dice.getrandbits(8) % len(kinds)]
        packet = openlifu.Packet(dice.getrandbits(8), kind, command, given[:300])
        openlifu.inspect(openlifu.encode(packet))
        _openlifu_payload(packet.payload)

    return Parser(take)


def _openlifu_payload(payload: bytes) -> None:
    for read in (openlifu.voltage_of, openlifu.trigger_of, openlifu.text_of):
        _promised(read, payload)


def _promised(read: Callable[..., object], given: object) -> None:
    """A reader that may say that the other side was wrong."""
    with contextlib.suppress(RemoteProtocolError):
        read(given)


def _tpo(dice: random.Random) -> Parser:
    exchange = TpoExchange(100 * NS_PER_MS)
    requests = [tpo.Request(name) for name in sorted(tpo.ASKABLE)] + [tpo.Request(verb) for verb in tpo.Verb]
    now = [0]

    def take(given: bytes) -> None:
        now[0] += NS_PER_MS
        exchange.expire(now[0])
        if exchange.sent is None:
            exchange.begin(requests[dice.getrandbits(8) % len(requests)], now[0])
        for piece in pieces(given, dice):
            exchange.feed(piece)

    return Parser(take, exchange)


def _orca(given: bytes) -> None:
    _promised(orca.streamed, given[:19])
    _promised(orca.streamed, given)


def _line_decoder(dice: random.Random) -> Parser:
    decoder = lines.LineDecoder(tpo.MAX_LINE)
    return _in_pieces(decoder.feed, dice, decoder)


def _words(dice: random.Random) -> Parser:
    maps = [register for model in profile.models() for register in profile.load(model).register]

    def take(given: bytes) -> None:
        register = maps[dice.getrandbits(16) % len(maps)]
        wanted = registers.words_of(register)
        octets = given.ljust(2 * wanted, b"\0")
        words = tuple(int.from_bytes(octets[2 * at : 2 * at + 2], "big") for at in range(wanted))
        value = registers.decode(register, words)
        if value is not None:
            registers.word_name(register, value)
            registers.bit_names(register, value)

    return Parser(take)


def _port(model: str, link: str | None = None) -> Callable[[random.Random], Parser]:
    """The port and its driver in conversation with a simulated unit whose answers are bent."""

    def make(dice: random.Random) -> Parser:
        rig = traffic(model, link).rig
        port, sim = rig.port, rig.sim
        now = [rig.now_ns]

        def take(given: bytes) -> None:
            now[0] = MonoNs(now[0] + dice.getrandbits(5) * NS_PER_MS)
            frame = port.due(now[0])
            if frame:
                sim.receive(frame, now[0])
            answer = sim.take(now[0])
            if answer and dice.getrandbits(1):
                port.received(answer, now[0])
            for piece in pieces(given, dice):
                port.received(piece, now[0])
            port.drain()

        return Parser(take, port)

    return make


# Socket, chart, files


def _messages() -> Sequence[bytes]:
    """One of each message, both ways."""
    return tuple(_made(kind for kind in vars(messages).values() if isinstance(kind, type)))


def _made(kinds: Iterable[type]) -> Iterable[bytes]:
    for kind in kinds:
        if issubclass(kind, msgspec.Struct) and kind.__struct_config__.tag is not None:
            with contextlib.suppress(NotImplementedError, msgspec.ValidationError):
                yield msgspec.json.encode(sample(kind)) + b"\n"  # type: ignore[type-var]  # made up from its fields, whatever it is


def _request_reader(dice: random.Random) -> Parser:
    return _reader(request_reader, dice)


def _answer_reader(dice: random.Random) -> Parser:
    return _reader(answer_reader, dice)


def _reader(make: Callable[[], LineReader[Request] | LineReader[Answering]], dice: random.Random) -> Parser:
    held = [make()]

    def feed(piece: bytes) -> None:
        for found in held[0].feed(piece + b"\n" if dice.getrandbits(1) else piece):
            if isinstance(found, Nonsense) and found.is_fatal:
                held[0] = make()

    return _in_pieces(feed, dice, held)


def _bodies() -> Sequence[bytes]:
    return tuple(encode_body(seq, Draft(data=sample(kind)), stamp(seq)) for seq, kind in enumerate(KINDS.values(), 1))


def _body(_dice: random.Random) -> Parser:
    grammar = [Grammar()]
    count = [0]

    def take(given: bytes) -> None:
        count[0] += 1
        if count[0] % 1_000 == 0:  # it remembers every session's name, as it must
            grammar[0] = Grammar()
        entry = decode_body(given)
        record = None
        try:
            record = decode_record(entry)
        finally:
            check_canonical(given, entry)
        list(grammar[0].read(entry, record))

    return Parser(take)


def _notes() -> Sequence[bytes]:
    return (
        b"modctl.chart/a/00000000\n7\n"
        + b"A" * 43
        + b"=\n\n\xe2\x80\x94 modctl.chart/a/00000000 "
        + b"A" * 91
        + b"=\n",
        b"modctl.chart/a/00000000+deadbeef+AQ" + b"A" * 42,
        b"PRIVATE+KEY+modctl.chart/a/00000000+deadbeef+AQ" + b"A" * 42,
    )


def _note(given: bytes) -> None:
    text = given.decode(errors="replace")
    with contextlib.suppress(NoteError):
        parse_note(given)
    for read in (parse_checkpoint, parse_vkey, parse_private_key):
        with contextlib.suppress(NoteError):
            read(text)


def _frontier(given: bytes) -> None:
    Frontier.from_bytes(int.from_bytes(given[:3], "big"), given[3:]).root()


ROOT: Final = Path(__file__).resolve().parents[2]


def _files(*patterns: str) -> Corpus:
    return lambda: tuple(path.read_bytes() for pattern in patterns for path in sorted(ROOT.glob(pattern)))


def _file(name: str, load: Callable[[Path], object]) -> Callable[[random.Random], Parser]:
    """A loader that reads a file: written anew for each input, where that is quick."""

    def make(_dice: random.Random) -> Parser:
        path = scratch() / name

        def take(given: bytes) -> None:
            path.write_bytes(given)
            load(path)

        return Parser(take)

    return make


@functools.cache
def scratch() -> Path:
    """A folder of this process for files that are read once; in memory where there is such a place."""
    folder = Path(tempfile.mkdtemp(prefix="soak-fuzz-", dir=MEMORY if MEMORY.is_dir() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _site(path: Path) -> object:
    return load_site(path.parent)


def _bench(path: Path) -> object:
    site = path.with_name("site.toml")
    if not site.exists():
        site.write_bytes((ROOT / "modctl" / "sites" / "simulated-site.toml").read_bytes())
    return load_bench(path.parent)


def _approved(path: Path) -> object:
    return library.approvals(path.parent)


def _approvals() -> Sequence[bytes]:
    approval = library.Approval(id="x", sha256="0" * 64, by="u", at_utc="2026-01-01T00:00:00.000Z")
    return (library.approval_text(approval).encode(),)


def _scenarios() -> Sequence[bytes]:
    lines_of = (
        "[run]\nseed = 3\n[[unit]]\nname = 'a'\nmodel = 'hasomed-p24'",
        "[[session]]\nname = 's'\nat = '1s'\nunit = 'a'\npreset = 'hip-post-tha-tens'\nduration = '5min'",
        "[[act]]\nat = '2s'\nsession = 's'\ndo = 'up'",
        "[[fault]]\nat = '3s'\nunit = 'a'\nkind = 'mute'\nlasts = '1s'\n[expect]\ns = 'completed'\n",
    )
    return ("\n".join(lines_of).encode(),)


def _parsed_preset(given: bytes) -> object:
    return library.parse(given, "x")


def _parsed_profile(given: bytes) -> object:
    return profile.parse(given, "x")


def _answers_of(path: Path) -> object:
    return read_answers(path, Modality.ESTIM)


PORTS: Final = tuple(model for model in SIMULATED if model not in simulated("by hand"))
SM2, SM4, LIFU, TPO = "hasomed-rehastim2", "hasomed-p24", "openwater-openlifu", "sonic-concepts-tpo"
REMOTE: Final = (RemoteProtocolError,)
PRESETS, PROFILES = _files("modctl/clinic/hip/*.toml"), _files("devices/profiles/*.toml")

TARGETS: Final[Sequence[Target]] = (
    Target("modbus rtu answers", _heard("reference-ultrasound"), _modbus_answers(modbus.Framing.RTU), (), 2 * 260),
    Target("modbus tcp answers", _heard("julabo-magio"), _modbus_answers(modbus.Framing.TCP), (), 2 * 260),
    Target("modbus rtu requests", _sent("reference-ultrasound"), _modbus_requests(modbus.Framing.RTU), REMOTE),
    Target("modbus tcp requests", _sent("julabo-magio"), _modbus_requests(modbus.Framing.TCP), REMOTE),
    Target("sciencemode2", _heard(SM2), _sciencemode2, (), sciencemode2.MAX_FRAME),
    Target("sciencemode2 payloads", _heard(SM2), _sciencemode2_sealed, (LocalProtocolError,)),
    Target("sciencemode4", _heard(SM4), _sciencemode4, (), sciencemode4.MAX_FRAME),
    Target("sciencemode4 payloads", _heard(SM4), _sciencemode4_sealed, (LocalProtocolError,)),
    Target("openlifu", _heard(LIFU), _openlifu, (), openlifu.MAX_FRAME),
    Target("openlifu payloads", _heard(LIFU), _openlifu_sealed, (LocalProtocolError,)),
    Target("tpo", _heard(TPO), _tpo, (), 3 * tpo.MAX_LINE),
    Target("orca telemetry", _heard("iris-orca"), _plain(_orca)),
    Target("lines", _heard(TPO), _line_decoder, (), tpo.MAX_LINE + 1),
    Target("registers", _heard("reference-estim"), _words),
    *(Target(f"frame gate's eyes, {model}", _sent(model), _eyes(model)) for model in PORTS),
    *(Target(f"port with {model}", _heard(model), _port(model)) for model in PORTS),
    Target("socket requests", _messages, _request_reader, (), 2 * messages.MAX_LINE_BYTES),
    Target("socket answers", _messages, _answer_reader, (), 2 * messages.MAX_LINE_BYTES),
    Target("bench requests", _messages, _plain(bench.request_of), (msgspec.DecodeError,)),
    Target("bench replies", _messages, _plain(bench.reply_of), (msgspec.DecodeError,)),
    Target("chart bodies", _bodies, _body, (BodyError,)),
    Target("chart notes", _notes, _plain(_note)),
    Target("chart frontiers", _notes, _plain(_frontier), (ValueError,)),
    Target("presets", PRESETS, _plain(_parsed_preset), (library.LibraryError,)),
    Target("profiles", PROFILES, _plain(_parsed_profile), (profile.ProfileError,)),
    Target("site.toml", _files("modctl/sites/*site.toml"), _file("site.toml", _site), (ModctlError,)),
    Target("bench.toml", _files("modctl/sites/bench.toml"), _file("bench.toml", _bench), (ModctlError,)),
    Target("approvals.toml", _approvals, _file(library.APPROVALS, _approved), (ModctlError,)),
    Target("scenarios", _scenarios, _file("scenario.toml", load_scenario), (ModctlError,)),
    Target("answers", _files("modctl/sites/demo-answers.toml"), _file("answers.toml", _answers_of), (ModctlError,)),
)
