"""Text is encoded without torchvision, as where the one that is installed does not run."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.extract.hidden_torchvision import torchvision_hidden
from ariigcn_dgl.extract.text import TextEncoder

pytestmark = pytest.mark.slow  # imports transformers in processes of their own

BROKEN = "raise RuntimeError('operator torchvision::nms does not exist')"
TEXTS = ["Hello!", "How are you?"]
ENCODE = f"""
import sys, numpy as np
from pathlib import Path
from ariigcn_dgl.extract.text import TextEncoder
np.save(sys.argv[2], TextEncoder(Path(sys.argv[1])).encode({TEXTS}))
"""
IMPORTED_BEFORE = """
import transformers
from transformers.utils import is_torchvision_available
assert is_torchvision_available()
try:
    transformers.RobertaModel
except Exception:
    pass
else:
    raise AssertionError("transformers runs beside it")
"""
IMPORTED_AFTER = """
from transformers import AutoModel
AutoModel.from_pretrained(sys.argv[1])
try:
    import torchvision
except RuntimeError as error:
    assert "nms does not exist" in str(error)
else:
    raise AssertionError("torchvision runs")
"""


@pytest.fixture
def torchvision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of a torchvision that is found before any other, here and in children."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    package = tmp_path / "site" / "torchvision"
    package.mkdir(parents=True)
    metadata = package.with_name("torchvision-0.99.0.dist-info") / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: torchvision\nVersion: 0.99.0\n")
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setenv("PYTHONPATH", str(package.parent), prepend=os.pathsep)
    return package / "__init__.py"


def _imported() -> str:
    """Return the version of torchvision, and forget it."""
    try:
        return importlib.import_module("torchvision").__version__
    finally:
        sys.modules.pop("torchvision", None)


def test_it_is_hidden_for_a_while(torchvision: Path) -> None:
    torchvision.write_text(BROKEN)
    with torchvision_hidden():
        assert importlib.util.find_spec("torchvision") is None
        with pytest.raises(ModuleNotFoundError):
            _imported()
    assert importlib.util.find_spec("torchvision").origin == str(torchvision)
    with pytest.raises(RuntimeError, match="nms does not exist"):
        _imported()


def test_it_is_found_again_after_an_error(torchvision: Path) -> None:
    torchvision.write_text(BROKEN)
    with pytest.raises(KeyError), torchvision_hidden():
        raise KeyError
    assert importlib.util.find_spec("torchvision").origin == str(torchvision)


def test_one_that_is_imported_is_left_alone(torchvision: Path) -> None:
    torchvision.write_text("__version__ = '0.99.0'")
    importlib.import_module("torchvision")
    with torchvision_hidden():
        assert _imported() == "0.99.0"


def test_absence_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with torchvision_hidden():
        assert importlib.util.find_spec("torchvision") is None
    assert sys.modules["torchvision"] is None


@pytest.mark.parametrize(
    "before",
    [pytest.param("", marks=pytest.mark.exhaustive), IMPORTED_BEFORE],
    ids=["alone", "after transformers"],
)
def test_text_is_encoded_beside_one_that_does_not_run(
    torchvision: Path, roberta: Path, tmp_path: Path, before: str
) -> None:
    torchvision.write_text(BROKEN)
    code = before + ENCODE + IMPORTED_AFTER
    command = [sys.executable, "-c", code, str(roberta), str(tmp_path / "text.npy")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = np.load(tmp_path / "text.npy")
    np.testing.assert_allclose(found, TextEncoder(roberta).encode(TEXTS), atol=1e-6)
