"""Every notebook runs from top to bottom, in a fresh kernel, without an error or a warning on stderr."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.quick import one_in

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", one_in(2, NOTEBOOKS, ids=lambda path: path.stem))
@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")  # of the kernel's own packages, not of the notebook
def test_the_notebook_runs(path: Path) -> None:
    nbclient = pytest.importorskip("nbclient", reason="the `notebook` extra is not installed")
    nbformat = pytest.importorskip("nbformat", reason="the `notebook` extra is not installed")
    pytest.importorskip("ipykernel", reason="the `notebook` extra is not installed")
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert outputs
    assert not [output for output in outputs if output.get("name") == "stderr"]


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS
