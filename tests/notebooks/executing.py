"""Run the notebooks as `make notebooks` does."""

import os
import subprocess
import sys

from assignment_lib.environment import PROJECT_ROOT


def run(folder, *arguments, **settings):
    environment = os.environ | {f"ASSIGNMENT_{name}": value for name, value in settings.items()}
    environment |= {"ASSIGNMENT_RUNS": str(folder / "runs")}
    command = [sys.executable, str(PROJECT_ROOT / "tools" / "run_notebooks.py"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=folder)
