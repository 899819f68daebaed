"""Tests in a real browser: `make test-browser`. They need Chromium and playwright, and are skipped with a sentence without."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import synthetic_pedestrians as synthetic
from assignment_lib.environment import PROJECT_ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
#: Nothing that Chromium wants of the world outside.
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
#: Where a picture of the widget is written to, the static stand-in of notebook 05; only where it is asked for.
PICTURE = os.environ.get("BROWSER_PICTURE")
#: Seconds that anything may take; a machine with other work is slow.
PATIENCE = int(os.environ.get("BROWSER_PATIENCE", "120"))


@pytest.fixture(scope="session")
def chromium():
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: apt-get install chromium, then make test-browser")
    sync_api = pytest.importorskip("playwright.sync_api", reason="there is no playwright: pip install playwright")
    sync_api.expect.set_options(timeout=1000 * PATIENCE)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def small_world(tmp_path_factory, chromium):
    """The environment of a data set of few drawn people, with a small network that learned from it for a moment.

    BROWSER_WORLD names a folder that keeps both from run to run. For a picture of the widget, BROWSER_PICTURE, it is the
    built-in data with the network that is trained on it.
    """
    folder = Path(os.environ.get("BROWSER_WORLD") or tmp_path_factory.mktemp("world"))
    folder.mkdir(exist_ok=True)
    synthetic.draw(folder / "few", train_identities=20, test_identities=8, train_images=120, progress=False)
    world = os.environ | {
        "TQDM_DISABLE": "1",
        "PYTHONPATH": str(PROJECT_ROOT), "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"), "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE",
    }  # fmt: skip
    if not PICTURE:
        world |= {
            "ASSIGNMENT_DATA": str(folder / "few"), "ASSIGNMENT_RUNS": str(folder / "runs"),
            "ASSIGNMENT_BACKBONE": "mobilenetv3_small_050", "ASSIGNMENT_PRETRAINED": "no",
        }  # fmt: skip
    prepare = (
        "from assignment_lib import dataset, environment\n"
        "from assignment_lib.reporting.widget import prepare\n"
        "settings = environment.settings()\n"
        "prepare.everything(dataset.load(settings.data), settings)\n"
    )
    subprocess.run([sys.executable, "-c", prepare], env=world, check=True, cwd=folder)
    return world


@pytest.fixture
def page(chromium):
    """A page of 1280 pixels that keeps what its console complains of in `page.complaints`.

    Nothing is fetched from other machines, whether there is a network or not: an empty answer is given, and
    `page.outside` has the addresses.
    """
    page = chromium.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(1000 * PATIENCE)
    page.complaints, page.outside = [], []

    def answer(route):
        page.outside.append(route.request.url)
        route.fulfill(status=200, content_type="text/css", body="")

    page.route(re.compile(r"^https?://(?!127\.0\.0\.1[:/])"), answer)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" else None)
    yield page
    page.close()


@pytest.fixture
def serve():
    """`serve(command, address, world, folder)` starts a server and waits until `address` answers; it is ended afterwards."""
    running = []

    def start(command, address, world, folder):
        log = (Path(folder) / "server.log").open("w")
        server = subprocess.Popen(
            [str(part) for part in command], env=world, cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
        running.append((server, log))
        until = time.monotonic() + 3 * PATIENCE
        while time.monotonic() < until:
            assert server.poll() is None, Path(log.name).read_text()[-3000:]
            try:
                urllib.request.urlopen(address, timeout=5)
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.25)
        raise TimeoutError(Path(log.name).read_text()[-3000:])

    yield start
    for server, log in running:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
        log.close()


@pytest.fixture
def port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
