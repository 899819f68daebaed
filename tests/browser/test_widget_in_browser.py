"""The widget in JupyterLab, in a notebook made of notebook 05, and on the page of `make demo`."""

import os
import secrets
import subprocess
import sys
import sysconfig
from pathlib import Path

import nbformat
import pytest

from assignment_lib.environment import PROJECT_ROOT

pytest.importorskip("playwright.sync_api", reason="there is no playwright: pip install playwright")
from playing import on_a_telephone, play
from playwright.sync_api import expect

BIN = Path(sys.executable).parent


def small_notebook(path):
    """Notebook 05's first cells, and the widget over what `prepare` makes: the cells between take minutes."""
    notebook = nbformat.read(PROJECT_ROOT / "notebooks" / "05_reid_retrieval.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"][:3]
    code.append(
        nbformat.v4.new_code_cell(
            "from assignment_lib.reporting.widget import prepare\n"
            "widget.play(*prepare.everything(dataset.load(settings.data), settings))"
        )
    )
    for cell in code:
        cell.update(outputs=[], execution_count=None)
    notebook.cells = code
    nbformat.write(notebook, path)


def test_in_jupyterlab(page, serve, small_world, port, tmp_path):
    (tmp_path / "notebooks").mkdir()
    small_notebook(tmp_path / "notebooks" / "small.ipynb")
    (tmp_path / "assignment_lib").symlink_to(PROJECT_ROOT / "assignment_lib")
    settings = tmp_path / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)  # else a question about news covers the lower right corner
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    token = secrets.token_hex(16)
    command = [
        BIN / "jupyter", "lab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={tmp_path}",
        "--LabApp.news_url=None", "--LabApp.extension_manager=readonly",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", f"--LabApp.workspaces_dir={tmp_path / 'spaces'}",
        f"--LabApp.user_settings_dir={tmp_path / 'settings'}",
    ]  # fmt: skip
    serve(command, f"http://127.0.0.1:{port}/api?token={token}", small_world, tmp_path)
    page.goto(f"http://127.0.0.1:{port}/lab/tree/notebooks/small.ipynb?token={token}&reset")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.wait_for_selector("#jupyterlab-splash", state="detached")
    # the toolbar says idle before a kernel is there, the status bar does not
    expect(page.locator("#jp-main-statusbar").get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible()
    page.locator(".jp-Notebook .jp-CodeCell").first.click()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    play(page)
    assert page.complaints == page.outside == []


def environment_of_colab():
    """The Python of an environment with Colab's ipywidgets and a notebook server that knows it, made where it is missing."""
    place = PROJECT_ROOT / ".venv-ipywidgets7"
    python = place / "bin" / "python"
    if not (place / "made").exists():
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        wanted = ["ipywidgets==7.7.1", "notebook==6.5.7", "ipykernel<7", "setuptools<81"]
        done = subprocess.run(
            [python, "-m", "pip", "install", "--quiet", *wanted], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"ipywidgets 7.7.1 cannot be installed: {done.stderr.strip().splitlines()[-1]}")
        # all else is this environment's, and comes after its own
        own = subprocess.check_output(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
        )
        (Path(own.strip()) / "zz_rest.pth").write_text(sysconfig.get_path("purelib"))
        (place / "made").touch()
    return python


def test_under_ipywidgets_7(page, serve, small_world, port, tmp_path):
    """Colab's version, in the notebook server of its time."""
    python = environment_of_colab()
    (tmp_path / "notebooks").mkdir()
    small_notebook(tmp_path / "notebooks" / "small.ipynb")
    (tmp_path / "assignment_lib").symlink_to(PROJECT_ROOT / "assignment_lib")
    token = secrets.token_hex(16)
    command = [
        python, "-m", "notebook", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        f"--NotebookApp.token={token}", f"--notebook-dir={tmp_path}", "--NotebookApp.port_retries=0",
    ]  # fmt: skip
    serve(command, f"http://127.0.0.1:{port}/api?token={token}", small_world, tmp_path)
    page.goto(f"http://127.0.0.1:{port}/notebooks/notebooks/small.ipynb?token={token}")
    page.wait_for_function("window.Jupyter?.notebook?.kernel?.is_connected() && Jupyter.notebook._fully_loaded")
    # it asks a kernel for widgets that are there already; those that are made meanwhile it would close again
    page.wait_for_function("Jupyter.notebook.kernel.widget_manager")
    # a question to comms, its answer, and one more question for each: nothing is on its way after these
    for _ in range(3):
        page.evaluate("new Promise((done) => Jupyter.notebook.kernel.execute('0', {shell: {reply: done}}))")
    page.evaluate("Jupyter.notebook.execute_all_cells()")
    play(page)
    assert page.locator(".query-retrieval .ui-slider-handle").count(), "these are not the sliders of ipywidgets 7"
    assert page.complaints == []


def test_the_demo(page, serve, small_world, port, tmp_path):
    command = [sys.executable, PROJECT_ROOT / "tools" / "demo.py", f"--port={port}", "--no-browser"]
    serve(command, f"http://127.0.0.1:{port}/voila/static/favicon.ico", small_world, tmp_path)
    page.goto(f"http://127.0.0.1:{port}/")
    player = play(page)
    on_a_telephone(player)
    if os.environ.get("BROWSER_PICTURE"):
        page.set_viewport_size({"width": 1280, "height": 1500})  # all of it, without a bar to scroll
        player.button("Query 1").click()
        player.sentence("^Query 1 of")
        player.box.screenshot(path=os.environ["BROWSER_PICTURE"])
    assert page.complaints == []
    assert all("fontawesome" in address for address in page.outside), "only voila's own page asks for symbols"
    listening = {
        line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"
    }
    assert f"0100007F:{port:04X}" in listening and f"00000000:{port:04X}" not in listening
    page.set_viewport_size({"width": 390, "height": 844})
    expect(player.results()).to_be_visible()
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390, "it has to be scrolled sideways"
