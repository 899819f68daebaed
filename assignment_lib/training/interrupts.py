"""Ctrl-C and a notebook's stop button: the step is finished and the state saved before anything ends."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


class Stopped(KeyboardInterrupt):
    """Raised by an interrupt during `fit`, after the state was saved; a notebook shows its one sentence."""

    def _render_traceback_(self) -> list[str]:  # IPython's own hook
        return [str(self)]


@contextlib.contextmanager
def interrupts() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets, instead of breaking into the midst of a step; a second one breaks in."""
    wanted = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # only the main thread may ask for signals
        yield wanted
        return
    before = signal.getsignal(signal.SIGINT)

    def note(*_: object) -> None:
        wanted.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield wanted
    finally:
        signal.signal(signal.SIGINT, before)
