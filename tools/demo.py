"""The widget of notebook 05 as a page on this computer. Called by `make demo`.

usage: python tools/demo.py [--port 8866] [--no-browser]

Settings come from the environment variables ASSIGNMENT_DATA, ASSIGNMENT_RECIPE, ... as for the notebooks. A network that is
trained is used, one that is missing is trained first (the built-in data and recipe smoke: some minutes). The page is a
notebook of one cell, shown by voila, which carries the same widgets that Jupyter does; gradio has its own components, so that
everything would be there twice. It listens on 127.0.0.1 only.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from assignment_lib import dataset, environment  # noqa: E402
from assignment_lib.reporting.widget import prepare  # noqa: E402

CELLS = (
    ("markdown", "# Who is this?\nChoose a person, and the gallery is put in order of likeness."),
    (
        "code",
        "import os\nos.environ['TQDM_DISABLE'] = '1'\n"
        "from assignment_lib import dataset, environment\nfrom assignment_lib.reporting import widget\n"
        "from assignment_lib.reporting.widget import prepare\n"
        "settings = environment.settings()\n"
        "widget.play(*prepare.everything(dataset.load(settings.data), settings))",
    ),
)


def page(parts: Sequence[tuple[str, str]] = CELLS) -> dict:
    """The notebook that voila shows: cells, each its kind and its text."""
    cells = [
        {"cell_type": kind, "metadata": {}, "source": text}
        | ({"outputs": [], "execution_count": None} if kind == "code" else {})
        for kind, text in parts
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 4}


def command(notebook: Path, port: int, browser: bool) -> list[str]:
    """How voila is started."""
    return [
        str(Path(sys.executable).parent / "voila"), str(notebook), "--Voila.ip=127.0.0.1", f"--port={port}", "--token=",
        # pictures of one's own: tornado closes the connection above 10 MB
        "--Voila.tornado_settings={'websocket_max_message_size': 50000000}",
        "--MappingKernelManager.cull_idle_timeout=3600", *([] if browser else ["--no-browser"]),
    ]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8866)
    parser.add_argument("--no-browser", action="store_true")
    given = parser.parse_args()
    settings = environment.settings()
    # here, where its progress is seen; what comes of it is kept, and each page that is opened has it at once
    prepare.everything(dataset.load(settings.data), settings)
    print(
        f"\nhttp://127.0.0.1:{given.port}/ is the page (its first picture takes some seconds); Ctrl-C ends it",
        flush=True,
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # else voila would go on alone
    with tempfile.TemporaryDirectory() as folder:
        notebook = Path(folder) / "demo.ipynb"
        notebook.write_text(json.dumps(page()))
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        server = subprocess.Popen(
            command(notebook, given.port, not given.no_browser), env=os.environ | {"PYTHONPATH": paths}, cwd=ROOT
        )
        try:
            return server.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    sys.exit(main())
