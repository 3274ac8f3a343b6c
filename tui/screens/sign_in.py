"""Who works here: a name and a PIN, checked by the controller. Stopping needs neither."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from tui.acts import FIELD, LEAVE, OTHER_FIELD, Offer
from tui.looks import Span, line
from tui.messages import Noticed, SignedWith
from tui.screens.base import TableScreen
from tui.sight import Sight
from tui.widgets.rows import Rows

MAX_PIN_CHARS = 64  # chosen: longer than any PIN, short enough to be no paste


class SignInScreen(TableScreen):
    """Two fields. In a field space and s are text; Escape, F12 and Ctrl+C stop as everywhere."""

    AUTO_FOCUS: ClassVar[str | None] = None
    TAB_SWITCHES: ClassVar[bool] = False

    def __init__(self, user: str) -> None:
        super().__init__()
        self._user = user

    def middle(self) -> ComposeResult:
        """The two fields, each under its word."""
        yield Rows(id="who-word")
        yield Input(self._user, id="who", max_length=32, select_on_focus=False)
        yield Rows(id="pin-word")
        yield Input(password=True, id="pin", max_length=MAX_PIN_CHARS)

    def on_mount(self) -> None:
        """The first empty field has the focus."""
        self.query_one("#who-word", Rows).show([line(Span(" Who works here? "))])
        self.query_one("#pin-word", Rows).show([line(Span(" PIN "))])
        self.query_one("#pin" if self._user else "#who", Input).focus()

    def offers(self, sight: Sight) -> Sequence[Offer]:
        """Its own keys."""
        del sight
        return (Offer(FIELD, word="signs in"), Offer(OTHER_FIELD), Offer(LEAVE, self.leave))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        user, pin = self.query_one("#who", Input), self.query_one("#pin", Input)
        if not user.value:
            user.focus()
        elif not pin.value:
            pin.focus()
            if event.input is pin:
                self.post_message(Noticed("Type your PIN, then Enter."))
        else:
            self.post_message(SignedWith(user.value, pin.value))
            pin.value = ""
