"""Every dispatch of the engine names what it takes: what is new and forgotten is an error, never silence."""

from typing import cast

import pytest

from modctl.engine import core_events as ce
from modctl.engine import events as ev
from modctl.engine.effects import PortEffect
from modctl.engine.port import PortNews
from tests.unit.engine.made import Person
from tests.unit.engine.made_core import Engine
from tests.unit.engine.made_port import Bus

STRANGER = object()


def test_an_event_that_the_core_does_not_know_is_an_error() -> None:
    """An event that falls through would be a request without an answer."""
    with pytest.raises(AssertionError, match="unreachable"):
        Engine().give(cast("ce.CoreEvent", STRANGER))


def test_an_event_that_a_session_does_not_know_is_an_error() -> None:
    """A session that returns nothing for it would go on as if nothing had happened."""
    with pytest.raises(AssertionError, match="unreachable"):
        Person().feed(cast("ev.SessionEvent", STRANGER))


def test_news_of_a_unit_that_nobody_knows_are_an_error() -> None:
    """A finding of the port that is dropped is a finding that nobody acts on."""
    with pytest.raises(AssertionError, match="unreachable"):
        Engine().news(cast("PortNews", STRANGER))


def test_an_order_that_a_port_does_not_know_is_an_error() -> None:
    """An order that is dropped might have been the one that takes a permit away."""

    class Stranger:
        unit = "u1"

    with pytest.raises(AssertionError, match="unreachable"):
        Bus().order(cast("PortEffect", Stranger()))
