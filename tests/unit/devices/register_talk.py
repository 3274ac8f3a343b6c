"""A made-up unit for the driver of register maps: two switches, two blocks and input registers, played by the test."""

from devices import profile
from devices.drivers.register_unit import RegisterUnitDriver
from devices.model import NS_PER_MS, Ack, DeviceEvent, Fault, Levels, LinkFault, MonoNs, Sample, levels
from devices.profile import Profile
from protocols.modbus_crc import with_crc

COMMON = 'table = "holding"\nsource = "made up"\nproven = "own"\n'
READ = COMMON + 'type = "uint16"\naccess = "read"\n'
WRITE = COMMON + 'type = "uint16"\naccess = "read-write"\n'
TEXT = f"""
schema = "modctl-profile/1"
apply_order = ["set_force", "set_rate", "timer"]
off_order = ["motor", "brake"]
off_proof = {{ status = 0, force = 0 }}
suspended_proof = {{ status = 3 }}
[device]
id = "made-up"
vendor = "nobody"
model = "one"
modality = "traction"
class = "reference"
source = "made up"
driver = "register_unit"
verified = "none"
[link]
silence_us = 2000
[liveness]
lease_ms = 1000
lease_fed_by = "lease"
poll_ms = 100
idle_poll_ms = 400
feed_ms = 300
reply_ms = 80
stale_ms = 1000
[off]
meaning = "no force"
budget_ms = 300
deadline_ms = 1000
unknown_text = "cut the power"
[contact]
told = true
on_loss = "off"
[[parameter]]
name = "force_n"
role = "level"
min = 0
max = 500
step = 1
source = "made up"
observed_as = "none"
intensifies = "up"
raise_per_s = 10
person_step = 1
[[parameter]]
name = "duty_permille"
role = "setting"
min = 0
max = 1000
step = 1
source = "made up"
observed_as = "none"
[[register]]
name = "model_code"
address = 0
enum = {{ made-up = 9 }}
{READ}
[[register]]
name = "serial"
address = 1
{READ}
[[register]]
name = "status"
address = 10
poll = true
enum = {{ off = 0, armed = 1, energized = 2, suspended = 3, fault = 4 }}
{READ}
[[register]]
name = "contact"
address = 11
poll = true
enum = {{ good = 0, open = 2 }}
{READ}
[[register]]
name = "accessory"
address = 12
poll = true
{READ}
[[register]]
name = "force"
address = 5
parameter = "force_n"
sentinel = 0xFFFF
poll = true
{READ.replace("holding", "input")}
[[register]]
name = "motor"
address = 20
effect = "enable"
min = 0
max = 1
off_value = 0
on_value = 1
{WRITE}
[[register]]
name = "brake"
address = 21
effect = "enable"
min = 0
max = 1
off_value = 1
on_value = 0
{WRITE}
[[register]]
name = "set_force"
address = 22
effect = "level"
parameter = "force_n"
min = 0
max = 500
{WRITE}
[[register]]
name = "set_rate"
address = 23
effect = "level"
parameter = "duty_permille"
min = 0
max = 1000
{WRITE}
[[register]]
name = "timer"
address = 24
effect = "config"
parameter = "timer_ms"
multiply = 1000
min = 0
max = 600000
{WRITE}
[[register]]
name = "lease"
address = 25
effect = "lease"
min = 0
max = 65535
{WRITE}
"""
MADE_UP: Profile = profile.parse(TEXT.encode(), "made-up.toml")
TARGET = levels({"force_n": 50, "duty_permille": 20})


class Talk:
    """A conversation in which the test is the unit. Time stands still but for the line's silence."""

    def __init__(self, made: Profile = MADE_UP) -> None:
        self.driver = RegisterUnitDriver(made)
        self.now_ns = MonoNs(1_000 * NS_PER_MS)
        self.permit: int | None = None
        self.status = 0
        self.force = 0
        self.contact = 0
        self.accessory = 7
        self.serial = 33
        self.events: list[DeviceEvent] = []

    def wait(self, ms: int) -> None:
        """Let time pass without a byte."""
        self.now_ns = MonoNs(self.now_ns + ms * NS_PER_MS)

    def asked(self) -> bytes:
        """What the driver writes next, at the moments it wants to be asked."""
        while True:
            self.now_ns = MonoNs(max(self.now_ns, self.driver.next_wakeup()))
            frame = self.polled()
            if frame:
                return frame

    def polled(self) -> bytes:
        """What the driver writes now."""
        frame, events = self.driver.poll(self.now_ns, self.permit)
        self.events.extend(events)
        return frame

    def answer(self, frame: bytes) -> None:
        """Answer as the made-up unit does."""
        registers = {0: 9, 1: self.serial, 10: self.status, 11: self.contact, 12: self.accessory}
        address, count = int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:6], "big")
        if frame[1] == 3:
            words = [registers[address + at] for at in range(count)]
        elif frame[1] == 4:
            words = [self.force]
        else:
            self.say(frame)
            return
        self.say(with_crc(frame[:2] + bytes((2 * len(words),)) + b"".join(word.to_bytes(2, "big") for word in words)))

    def say(self, octets: bytes) -> None:
        """Bytes from the unit."""
        self.events.extend(self.driver.feed(octets, self.now_ns))

    def turn(self) -> bytes:
        """One question and its answer."""
        frame = self.asked()
        self.answer(frame)
        return frame

    def identified(self) -> "Talk":
        """Through the handshake and the first reading."""
        while not any(isinstance(event, Sample) for event in self.events):
            self.turn()
        self.events.clear()
        return self

    def energized(self, target: Levels = TARGET, run_ms: int = 0) -> "Talk":
        """Everything written and acknowledged."""
        self.permit = 1
        self.status = 2
        self.force = target.get("force_n") or 0
        self.driver.command(target, self.now_ns, run_ms)
        for _ in range(20):
            self.turn()
            if any(isinstance(event, Ack) for event in self.events):
                break
        self.events.clear()
        return self

    def faults(self) -> list[Fault]:
        """Link faults so far."""
        return [event.fault for event in self.events if isinstance(event, LinkFault)]

    def sample(self) -> Sample:
        """The next reading, whatever else is said in between."""
        self.events.clear()
        while not any(isinstance(event, Sample) for event in self.events):
            self.turn()
        return next(event for event in self.events if isinstance(event, Sample))
