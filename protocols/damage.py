"""Received bytes that are nothing: what every decoder tells instead of a frame or a line."""

import msgspec


class Damage(msgspec.Struct, frozen=True):
    """Received bytes that are no frame and no line, or the first of them; ``why`` is for a technician."""

    why: str
    frame: bytes
