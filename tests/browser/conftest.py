"""Tests in a real browser: `make test-browser`. They are skipped without Chromium or playwright."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from serving import free_port, wait_for

import synthetic_pedestrians as synthetic
from assignment_lib.environment import PROJECT_ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
#: The file for a picture of the widget (figures/widget.png); the default data and network are shown if it is set.
PICTURE = os.environ.get("BROWSER_PICTURE")
#: Seconds that anything may take on a busy machine.
PATIENCE = int(os.environ.get("BROWSER_PATIENCE", "120"))


@pytest.fixture(scope="session")
def chromium():
    if CHROMIUM is None:
        pytest.skip("Chromium is missing. Run: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is missing. Run: pip install playwright")
    sync_api.expect.set_options(timeout=1000 * PATIENCE)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def variables(tmp_path_factory, chromium):
    """The environment of a small drawn data set and a small network trained on it; BROWSER_WORLD keeps both in a folder."""
    folder = Path(os.environ.get("BROWSER_WORLD") or tmp_path_factory.mktemp("world"))
    folder.mkdir(exist_ok=True)
    synthetic.draw(folder / "few", train_identities=20, test_identities=8, train_images=120, progress=False)
    result = os.environ | {
        "TQDM_DISABLE": "1", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "PYTHONPATH": str(PROJECT_ROOT),
        "JUPYTER_CONFIG_DIR": str(folder / "config"), "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"), "IPYTHONDIR": str(folder / "ipython"),
    }  # fmt: skip
    if not PICTURE:
        result |= {
            "ASSIGNMENT_DATA": str(folder / "few"), "ASSIGNMENT_RUNS": str(folder / "runs"),
            "ASSIGNMENT_BACKBONE": "mobilenetv3_small_050", "ASSIGNMENT_PRETRAINED": "no",
        }  # fmt: skip
    prepare = (
        "from assignment_lib import dataset, environment\nfrom assignment_lib.retrieval import pipeline\n"
        "settings = environment.settings()\npipeline.prepare(dataset.load(settings.data), settings)\n"
    )
    subprocess.run([sys.executable, "-c", prepare], env=result, check=True, cwd=folder)
    return result


@pytest.fixture
def page(chromium):
    """A page that collects console errors in `page.complaints` and answers requests to other machines with nothing."""
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
    """`serve(command, address, variables, folder)` starts a server, waits for `address`, and ends it after the test."""
    running = []

    def start(command, address, variables, folder):
        log = (Path(folder) / "server.log").open("w")
        command = [str(part) for part in command]
        server = subprocess.Popen(command, env=variables, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        running.append((server, log))
        try:
            wait_for(address, server, 3 * PATIENCE)
        except TimeoutError as error:
            raise TimeoutError(Path(log.name).read_text()[-3000:]) from error

    yield start
    for server, log in running:
        server.terminate()
        server.wait(PATIENCE)
        log.close()


@pytest.fixture
def port():
    return free_port()
