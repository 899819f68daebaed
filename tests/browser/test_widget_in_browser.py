"""The widget in JupyterLab, in the notebook server of ipywidgets 7, and on the page of `make demo`."""

import secrets
import subprocess
import sys
import sysconfig
from pathlib import Path

import nbformat
import pytest
from conftest import PICTURE

from assignment_lib.environment import PROJECT_ROOT

pytest.importorskip("playwright.sync_api", reason="playwright is missing. Run: pip install playwright")
from playing import Player, on_a_narrow_screen, play
from playwright.sync_api import expect

BIN = Path(sys.executable).parent
CELL = """from assignment_lib import dataset, environment
from assignment_lib.reporting import widget
from assignment_lib.retrieval import pipeline

settings = environment.settings()
widget.play(pipeline.prepare(dataset.load(settings.data), settings))"""


@pytest.fixture
def notebook(tmp_path):
    """A notebook that shows the widget, in `tmp_path`."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(CELL)]
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(made, tmp_path / "small.ipynb")


def test_in_jupyterlab(page, serve, variables, port, tmp_path, notebook):
    settings = tmp_path / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)  # without it a question about news covers the lower right corner
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    token = secrets.token_hex(16)
    command = [
        BIN / "jupyter", "lab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={tmp_path}",
        "--LabApp.news_url=None", "--LabApp.extension_manager=readonly",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", f"--LabApp.workspaces_dir={tmp_path / 'spaces'}",
        f"--LabApp.user_settings_dir={tmp_path / 'settings'}",
    ]  # fmt: skip
    serve(command, f"http://127.0.0.1:{port}/api?token={token}", variables, tmp_path)
    page.goto(f"http://127.0.0.1:{port}/lab/tree/small.ipynb?token={token}&reset")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.wait_for_selector("#jupyterlab-splash", state="detached")
    # the toolbar says idle before there is a kernel, the status bar does not
    expect(page.locator("#jp-main-statusbar").get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible()
    page.locator(".jp-Notebook .jp-CodeCell").first.click()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    play(page)
    assert page.complaints == page.outside == []


def python_of_ipywidgets_7():
    """The Python of an environment with Colab's ipywidgets and a matching notebook server, created if missing."""
    folder = PROJECT_ROOT / ".venv-ipywidgets7"
    python = folder / "bin" / "python"
    if not (folder / "made").exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        wanted = ["ipywidgets==7.7.1", "notebook==6.5.7", "ipykernel<7", "setuptools<81"]
        command = [python, "-m", "pip", "install", "--quiet", *wanted]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"ipywidgets 7.7.1 cannot be installed: {done.stderr.strip().splitlines()[-1]}")
        command = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        packages = Path(subprocess.check_output(command, text=True).strip())
        (packages / "zz_rest.pth").write_text(sysconfig.get_path("purelib"))  # all other packages, after its own
        (folder / "made").touch()
    return python


def test_with_ipywidgets_7(page, serve, variables, port, tmp_path, notebook):
    token = secrets.token_hex(16)
    command = [
        python_of_ipywidgets_7(), "-m", "notebook", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        f"--NotebookApp.token={token}", f"--notebook-dir={tmp_path}", "--NotebookApp.port_retries=0",
        "--NotebookApp.tornado_settings={'websocket_max_message_size': 50000000}",
    ]  # fmt: skip
    serve(command, f"http://127.0.0.1:{port}/api?token={token}", variables, tmp_path)
    page.goto(f"http://127.0.0.1:{port}/notebooks/small.ipynb?token={token}")
    page.wait_for_function("window.Jupyter?.notebook?.kernel?.is_connected() && Jupyter.notebook._fully_loaded")
    # it asks the kernel for existing widgets, and would close those that are made meanwhile
    page.wait_for_function("Jupyter.notebook.kernel.widget_manager")
    for _ in range(3):  # a question about comms, its answer, and one more question each
        page.evaluate("new Promise((done) => Jupyter.notebook.kernel.execute('0', {shell: {reply: done}}))")
    page.evaluate("Jupyter.notebook.execute_all_cells()")
    play(page)
    assert page.locator(".qr .ui-slider-handle").count(), "these are not the sliders of ipywidgets 7"
    assert page.complaints == []


def test_the_demo(page, serve, variables, port, tmp_path):
    command = [sys.executable, PROJECT_ROOT / "tools" / "demo.py", f"--port={port}", "--no-browser"]
    serve(command, f"http://127.0.0.1:{port}/voila/static/favicon.ico", variables, tmp_path)
    page.goto(f"http://127.0.0.1:{port}/")
    if PICTURE:
        Player(page).box.screenshot(path=PICTURE)
    player = play(page)
    assert page.complaints == []
    assert all("fontawesome" in address for address in page.outside), "only voila's own page asks for symbols"
    sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = {socket[1] for socket in sockets if socket[3] == "0A"}
    assert f"0100007F:{port:04X}" in listening and f"00000000:{port:04X}" not in listening
    on_a_narrow_screen(player)
