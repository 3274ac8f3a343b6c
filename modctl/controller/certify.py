"""Whether a unit on a line keeps what its profile says of it: checks to be run with nobody connected.

For the builder of a gateway or a retrofit that speaks one of the published maps, and for a bench before a unit's first
day. Each check begins with the unit off and leaves it off; output is never commanded above the level's least value.
What a profile does not promise is not tried, and the report says so.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Final

from devices.model import NS_PER_MS, Fault, Identity, LinkFault, ModelClass, Output, Sample
from devices.profile import Profile
from modctl.controller.certify_report import Checked, Verdict
from modctl.controller.tryout import Tryout
from protocols.inspect import Config
from protocols.modbus import AnswerDecoder, Exceptional, Framing, Function, Request, encode, read, write
from protocols.registers import Access, Effect, Register, Table, words_of

ILLEGAL_ADDRESS, ILLEGAL_VALUE, FAILURE = 2, 3, 4  # MODBUS Application Protocol V1.1b3, 7
LEASES_KEPT: Final = 3  # chosen: an output that lives three leases is fed, not late
LEASE_SPARE_PERCENT: Final = 25  # house rule: lease and a quarter is when a unit's watchdog must have acted
OWN_TIMER_MS: Final = 3_000  # chosen: long enough to be on, short enough to wait for
TIMER_GRID_MS: Final = 1_000  # chosen: the coarsest grid of a timer that modctl knows
COUNTED_SAMPLES: Final = 10
WORD_MAX: Final = 0xFFFF


_Outcome = tuple[Verdict, str]
_Check = Callable[[Tryout], _Outcome]


def certify(tryout: Tryout) -> Generator[Checked, None, None]:
    """Every check in turn, each as soon as it is done. The unit gets its last words however this ends."""
    failed: set[str] = set()
    try:
        for name, (meaning, needs, check) in CHECKS.items():
            missing = sorted(failed.intersection(needs))
            if missing:
                verdict, observed = Verdict.NOT_RUN, f"needs {', '.join(missing)}"
            else:
                verdict, observed = check(tryout)
                if name != "identity":
                    tryout.is_off(_longest_off_ms(tryout.profile))
            if verdict in (Verdict.FAILED, Verdict.NOT_RUN):
                failed.add(name)
            yield Checked(check=name, verdict=verdict, meaning=meaning, observed=observed)
    finally:
        tryout.end()


def _longest_off_ms(profile: Profile) -> int:
    """For tidying up between checks: what a stop does not end, the unit's own watchdog does."""
    return profile.off.deadline_ms + _lease_bound_ms(profile)


def _lease_bound_ms(profile: Profile) -> int:
    """Lease and a quarter, what off takes on this unit by its profile, and two samples to see it."""
    live = profile.liveness
    return live.lease_ms * (100 + LEASE_SPARE_PERCENT) // 100 + profile.off.budget_ms + 2 * live.poll_ms


def _verdict(observed: str, *, passed: bool) -> _Outcome:
    return (Verdict.PASSED if passed else Verdict.FAILED), observed


# Who it is, and that it rests


def _identity(tryout: Tryout) -> _Outcome:
    tryout.run(tryout.profile.off.deadline_ms, lambda: bool(tryout.told(Identity)))
    told = tryout.told(Identity)
    if not told:
        return Verdict.FAILED, "no answer"
    identity = told[-1]
    wanted = tryout.profile.device.id
    kind = ", a simulator" if identity.is_simulator else ""
    observed = f"{identity.model}, serial {identity.serial or 'not told'}, firmware {identity.firmware}{kind}"
    return _verdict(observed, passed=identity.model == wanted)


def _starts_off(tryout: Tryout) -> _Outcome:
    wanted = tryout.profile.off.confirm_samples

    def rests() -> bool:
        outputs = [sample.output for sample in tryout.told(Sample)]
        return outputs[-wanted:] == [Output.OFF] * wanted

    is_off = tryout.run(tryout.profile.off.deadline_ms, rests)
    was_on = any(sample.output is Output.ENERGIZED for sample in tryout.told(Sample))
    return _verdict(f"says {_last_output(tryout, 0)}", passed=is_off and not was_on)


def _counters(tryout: Tryout) -> _Outcome:
    since_ns = tryout.now_ns
    wait_ms = COUNTED_SAMPLES * 2 * tryout.profile.liveness.poll_ms
    tryout.run(wait_ms, lambda: len(tryout.told(Sample, since_ns)) >= COUNTED_SAMPLES)
    samples = tryout.told(Sample, since_ns)
    counters = [sample.counter for sample in samples if sample.counter is not None]
    boots = {sample.boot for sample in samples if sample.boot is not None}
    if not counters:
        return Verdict.NOT_PROMISED, "this unit has no sample counter"
    stood = len(counters) - len(set(counters))
    observed = f"{len(counters)} samples, {stood} with a counter that stood; boot counter {sorted(boots)}"
    return _verdict(observed, passed=len(counters) >= COUNTED_SAMPLES and not stood and len(boots) <= 1)


# What it refuses


def _refuses_values(tryout: Tryout) -> _Outcome:
    wrong = _promises_errors(tryout.profile)
    if wrong is not None:
        return wrong
    found = []
    tried = 0
    for register in tryout.profile.register:
        for raw in _outside(register):
            tried += 1
            before = _words(tryout, register)
            code = _error(tryout, write(tryout.profile.link.unit, register.address, (raw,)))
            if code != ILLEGAL_VALUE:
                found.append(f"{register.name} = {raw}: {_said(code)}")
            elif _words(tryout, register) != before:
                found.append(f"{register.name} = {raw}: refused, and changed all the same")
    return _verdict("; ".join(found) or f"{tried} values, exception {ILLEGAL_VALUE} each", passed=not found)


def _refuses_addresses(tryout: Tryout) -> _Outcome:
    wrong = _promises_errors(tryout.profile)
    if wrong is not None:
        return wrong
    unit = tryout.profile.link.unit
    holding = [register for register in tryout.profile.register if register.table is Table.HOLDING]
    beyond = max(register.address + words_of(register) for register in holding)
    asked = {
        f"read of {beyond}": read(unit, Function.READ_HOLDING, beyond, 1),
        f"write of {beyond}": write(unit, beyond, (0,)),
    }
    codes = {name: _error(tryout, request) for name, request in asked.items()}
    observed = "; ".join(f"{name}: {_said(code)}" for name, code in codes.items())
    return _verdict(observed, passed=set(codes.values()) == {ILLEGAL_ADDRESS})


def _refuses_start(tryout: Tryout) -> _Outcome:
    wrong = _promises_errors(tryout.profile)
    if wrong is not None:
        return wrong
    enable = next(register for register in tryout.profile.register if register.effect is Effect.ENABLE)
    code = _error(tryout, write(tryout.profile.link.unit, enable.address, (enable.on_value or 0,)))
    return _verdict(f"switched on without lease and timer: {_said(code)}", passed=code == FAILURE)


def _promises_errors(profile: Profile) -> _Outcome | None:
    if profile.device.model_class is ModelClass.REFERENCE:
        return None
    return Verdict.NOT_PROMISED, "only the published maps say which error answers what"


def _outside(register: Register) -> Iterator[int]:
    """The raw words next to a register's range that one word can say."""
    is_tried = register.effect in (Effect.LEVEL, Effect.CONFIG, Effect.ENABLE) and words_of(register) == 1
    if not is_tried or register.min is None or register.max is None:
        return
    for bound, step in ((register.min, -1), (register.max, 1)):
        raw = (bound - register.offset) * register.divide // register.multiply + step
        if 0 <= raw <= WORD_MAX:
            yield raw


def _framing(profile: Profile) -> Framing:
    return Framing.TCP if profile.link.kind == "tcp" else Framing.RTU


def _answer(tryout: Tryout, request: Request) -> object:
    """What the unit makes of one request; None when it says nothing that belongs to it."""
    framing = _framing(tryout.profile)
    decoder = AnswerDecoder(framing)
    decoder.expect(request, 1)
    received = tryout.ask_raw(encode(request, framing, 1), tryout.profile.liveness.reply_ms)
    return next(iter(decoder.feed(received)), None)


def _error(tryout: Tryout, request: Request) -> int | None:
    """The exception code of the answer; 0: it was accepted; None: no answer."""
    answer = _answer(tryout, request)
    if answer is None:
        return None
    return answer.code if isinstance(answer, Exceptional) else 0


def _words(tryout: Tryout, register: Register) -> object:
    if register.access is Access.WRITE:
        return None
    request = read(tryout.profile.link.unit, Function.READ_HOLDING, register.address, words_of(register))
    return _answer(tryout, request)


def _said(code: int | None) -> str:
    return "no answer" if code is None else f"exception {code}" if code else "accepted"


# On at the least level, and off again


def _least_level(tryout: Tryout) -> _Outcome:
    since_ns = tryout.now_ns
    is_on = tryout.is_on(OWN_TIMER_MS * 2)
    return _verdict(f"commanded, the unit says {_last_output(tryout, since_ns)}", passed=is_on)


def _kept(tryout: Tryout) -> _Outcome:
    if not tryout.profile.liveness.lease_ms:
        return Verdict.NOT_PROMISED, "this unit has no watchdog"
    since_ns = tryout.now_ns
    keep_ms = LEASES_KEPT * tryout.profile.liveness.lease_ms
    if not tryout.is_on(keep_ms * 2):
        return Verdict.FAILED, "does not come on"
    on_ns = tryout.now_ns
    tryout.run(keep_ms)
    outputs = {sample.output for sample in tryout.told(Sample, on_ns)}
    fed = sum(isinstance(one.kind, Config) and one.kind.feeds_lease for one in tryout.written if one.at_ns >= since_ns)
    observed = f"{keep_ms} ms with renewed permits ({fed} writes of the lease): {', '.join(sorted(outputs))}"
    return _verdict(observed, passed=bool(outputs) and outputs <= {Output.ENERGIZED, Output.SUSPENDED})


def _off(tryout: Tryout) -> _Outcome:
    if not tryout.is_on(OWN_TIMER_MS * 2):
        return Verdict.FAILED, "does not come on"
    since_ns = tryout.now_ns
    deadline_ms = tryout.profile.off.deadline_ms
    if not tryout.is_off(deadline_ms):
        outputs = {sample.output for sample in tryout.told(Sample, since_ns)}
        said = ", ".join(sorted(outputs)) or "nothing"
        return Verdict.FAILED, f"not confirmed within {deadline_ms} ms: the unit says {said}"
    confirmed_ns = tryout.off_confirmed_ns(since_ns) or since_ns
    return Verdict.PASSED, f"confirmed after {(confirmed_ns - since_ns) // NS_PER_MS} ms of {deadline_ms} ms"


def _lease_in_silence(tryout: Tryout) -> _Outcome:
    """Not a byte for lease and a quarter; then it is asked, and has to be off at once or on its way there."""
    lease_ms = tryout.profile.liveness.lease_ms
    if not lease_ms:
        return Verdict.NOT_PROMISED, "this unit has no watchdog"
    if not tryout.is_on(lease_ms * 4):
        return Verdict.FAILED, "does not come on"
    tryout.forsake()
    since_ns = tryout.now_ns
    silence_ms = lease_ms * (100 + LEASE_SPARE_PERCENT) // 100
    tryout.say_nothing(silence_ms)
    is_off = tryout.only_ask(_lease_bound_ms(tryout.profile) - silence_ms, lambda: _went_off(tryout, since_ns))
    observed = f"asked after {silence_ms} ms without a word: {_last_output(tryout, since_ns)}; lease {lease_ms} ms"
    return _verdict(observed, passed=is_off)


def _lease_with_questions(tryout: Tryout) -> _Outcome:
    """Questions go on, and feed nothing."""
    lease_ms = tryout.profile.liveness.lease_ms
    if not lease_ms:
        return Verdict.NOT_PROMISED, "this unit has no watchdog"
    if not tryout.is_on(lease_ms * 4):
        return Verdict.FAILED, "does not come on"
    tryout.forsake()
    since_ns = tryout.now_ns
    is_off = tryout.only_ask(_lease_bound_ms(tryout.profile), lambda: _went_off(tryout, since_ns))
    after_ms = (tryout.now_ns - since_ns) // NS_PER_MS
    observed = f"{_last_output(tryout, since_ns)} {after_ms} ms after the last permit; lease {lease_ms} ms"
    return _verdict(observed, passed=is_off)


def _went_off(tryout: Tryout, since_ns: int) -> bool:
    """Off, or the unit's word that it ended its output by itself (which need not be all that off is)."""
    is_off = any(sample.output is Output.OFF for sample in tryout.told(Sample, since_ns))
    return is_off or any(fault.fault is Fault.HALTED for fault in tryout.told(LinkFault, since_ns))


def _last_output(tryout: Tryout, since_ns: int) -> str:
    samples = tryout.told(Sample, since_ns)
    halted = any(fault.fault is Fault.HALTED for fault in tryout.told(LinkFault, since_ns))
    said = samples[-1].output if samples else "nothing"
    return f"{said}, ended by itself" if halted else f"{said}"


def _own_timer(tryout: Tryout) -> _Outcome:
    profile = tryout.profile
    if not profile.liveness.own_timer and not any(one.parameter == "timer_ms" for one in profile.register):
        return Verdict.NOT_PROMISED, "this unit has no timer of its own"
    since_ns = tryout.now_ns
    if not tryout.is_on(OWN_TIMER_MS):
        return Verdict.FAILED, "does not come on"
    on_ns = tryout.now_ns
    latest_ms = OWN_TIMER_MS + TIMER_GRID_MS + profile.off.deadline_ms
    is_off = tryout.run(latest_ms, lambda: _went_off(tryout, on_ns))
    after_ms = (tryout.now_ns - since_ns) // NS_PER_MS
    observed = f"set to {OWN_TIMER_MS} ms: {_last_output(tryout, on_ns)} after {after_ms} ms, permits renewed"
    return _verdict(observed, passed=is_off and after_ms >= OWN_TIMER_MS - TIMER_GRID_MS)


_ANY: Final = ("identity", "starts-off")
_ON: Final = (*_ANY, "least-level")
# Check -> what it means, the checks without which it is not run, and how it is done; in this order.
CHECKS: Final[Mapping[str, tuple[str, tuple[str, ...], _Check]]] = {
    "identity": ("answers as the model that it is said to be", (), _identity),
    "starts-off": ("says off before anything is commanded", ("identity",), _starts_off),
    "counters": ("its sample counter moves, its boot counter stands", _ANY, _counters),
    "refuses-values": (
        "a value out of its range is refused with exception 3, and changes nothing",
        _ANY,
        _refuses_values,
    ),
    "refuses-addresses": (
        "an address that the map does not have is refused with exception 2",
        _ANY,
        _refuses_addresses,
    ),
    "refuses-start": ("is not switched on without lease and timer: exception 4", _ANY, _refuses_start),
    "least-level": ("comes on at the level's least value and says so", _ANY, _least_level),
    "kept": ("stays on while its lease is fed", _ON, _kept),
    "off": ("off is accepted and told twice within its deadline", _ON, _off),
    "lease-in-silence": ("goes off by itself when nothing is said", _ON, _lease_in_silence),
    "lease-with-questions": (
        "goes off by itself while it is asked: questions feed nothing",
        _ON,
        _lease_with_questions,
    ),
    "own-timer": ("goes off by itself when its own timer ends", _ON, _own_timer),
}
