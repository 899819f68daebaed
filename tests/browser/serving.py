"""A free port, and waiting for a server: for the browser tests and for benchmarks/widget.py."""

import socket
import time
import urllib.error
import urllib.request


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(address, server, seconds):
    """Wait until the process `server` answers at `address`. Raises `TimeoutError` if it has ended or `seconds` passed."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5)
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.25)
    raise TimeoutError(f"{address} does not answer")
