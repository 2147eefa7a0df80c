"""The wheel of DGL is fetched by pip, must be the expected one, and is retagged soundly."""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import sys
import sysconfig
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename

from ariigcn_dgl import dgl_wheel
from ariigcn_dgl.errors import InputError

INFO = "dgl-2.1.0.dist-info"
PLATFORM = sysconfig.get_platform().replace("-", "_").replace(".", "_")
CONTENT = {
    "dgl/__init__.py": "x = 1\n",
    f"{INFO}/METADATA": "Metadata-Version: 2.1\nName: dgl\nVersion: 2.1.0\n",
    f"{INFO}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp312-cp312-{PLATFORM}\n",
}


def recorded(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a small wheel called as DGL's, the only one that pip finds and the expected one."""
    path = tmp_path / "index" / f"dgl-2.1.0-cp312-cp312-{PLATFORM}.whl"
    path.parent.mkdir()
    with ZipFile(path, "w") as file:
        for name, text in CONTENT.items():
            file.writestr(name, text)
        lines = [recorded(name, text.encode()) for name, text in CONTENT.items()]
        file.writestr(f"{INFO}/RECORD", "".join(lines) + f"{INFO}/RECORD,,\n")
    expect(monkeypatch, hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fetched").mkdir()
    return tmp_path / "fetched"


def expect(monkeypatch: pytest.MonkeyPatch, sha256: str) -> None:
    machine = (platform.system(), platform.machine())
    monkeypatch.setattr(dgl_wheel, "WHEELS", {machine: sha256})


@pytest.mark.slow
def test_the_expected_wheel_is_fetched(wheel, folder):
    assert dgl_wheel.fetch_wheel(folder).read_bytes() == wheel.read_bytes()


@pytest.mark.slow
def test_another_wheel_is_refused(wheel, folder, monkeypatch):
    (found,) = dgl_wheel.WHEELS.values()
    expect(monkeypatch, "0" * 64)
    with pytest.raises(InputError, match=f"SHA-256 is {found}, expected 0{{64}}; nothing was inst"):
        dgl_wheel.fetch_wheel(folder)


@pytest.mark.slow
def test_an_index_out_of_reach_is_one_sentence(wheel, folder):
    wheel.unlink()
    with pytest.raises(InputError) as error:
        dgl_wheel.fetch_wheel(folder)
    assert str(error.value) == (
        "pip download of DGL 2.1.0: No matching distribution found for dgl==2.1.0: "
        "is there a way to PyPI?"
    )


def test_a_machine_without_a_wheel_is_refused(folder, monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "sparc")
    with pytest.raises(InputError, match=r"no wheel of DGL 2\.1\.0 for \w+ sparc: Linux x86_64, "):
        dgl_wheel.fetch_wheel(folder)


def test_a_retagged_wheel_fits_this_python(wheel):
    tags = parse_wheel_filename(dgl_wheel.retagged(wheel).name)[3]
    assert tags & set(sys_tags())
    assert {tag.interpreter for tag in tags} == {"py3"}


def test_a_retagged_wheel_says_its_tag_and_lists_its_files_as_they_are(wheel):
    with ZipFile(dgl_wheel.retagged(wheel)) as file:
        assert f"\nTag: py3-none-{PLATFORM}\n" in file.read(f"{INFO}/WHEEL").decode()
        lines = [recorded(name, file.read(name)) for name in CONTENT]
        assert file.read(f"{INFO}/RECORD").decode() == "".join(lines) + f"{INFO}/RECORD,,\n"


def test_retagging_changes_no_other_file(wheel):
    with ZipFile(wheel) as old, ZipFile(dgl_wheel.retagged(wheel)) as new:
        assert old.namelist() == new.namelist()
        changed = [name for name in old.namelist() if old.read(name) != new.read(name)]
    assert changed == [f"{INFO}/WHEEL", f"{INFO}/RECORD"]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Return the calls of pip that install, which are not carried out."""
    made: list[tuple[str, ...]] = []
    real = dgl_wheel._pip

    def pip(command: str, *arguments: str) -> None:
        if command != "install":
            real(command, *arguments)
            return
        kept = Path(arguments[arguments.index("--constraint") + 1])
        made.append((Path(arguments[0]).name, *arguments[1:-2], kept.read_text()))

    monkeypatch.setattr(dgl_wheel, "_pip", pip)
    return made


def test_where_pypi_has_a_wheel_pip_takes_it_and_keeps_torch(calls, monkeypatch):
    monkeypatch.setattr(dgl_wheel, "NEWEST_PYTHON", sys.version_info[:2])
    monkeypatch.setattr(dgl_wheel, "version", lambda name: "2.13.0+cpu")
    dgl_wheel.install_dgl(lambda step: None)
    assert calls == [("dgl==2.1.0", "packaging", "pandas", "torch==2.13.0+cpu\n")]


@pytest.fixture
def without_wheel(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this Python be newer than all that PyPI has wheels for."""
    monkeypatch.setattr(dgl_wheel, "fetch_wheel", lambda folder: wheel)
    monkeypatch.setattr(dgl_wheel, "NEWEST_PYTHON", (3, 9))


@pytest.mark.usefixtures("without_wheel")
def test_where_pypi_has_none_the_retagged_one_is_installed(calls):
    dgl_wheel.install_dgl(lambda step: None)
    assert [call[0] for call in calls] == [f"dgl-2.1.0-py3-none-{PLATFORM}.whl"]


@pytest.mark.usefixtures("without_wheel", "calls")
def test_every_step_is_told(wheel):
    steps: list[str] = []
    dgl_wheel.install_dgl(steps.append)
    assert [step.split()[0] for step in steps] == ["fetched", "tagged", "installed"]
    assert steps[0].endswith(hashlib.sha256(wheel.read_bytes()).hexdigest())


def test_a_python_without_pip_is_one_sentence(monkeypatch):
    monkeypatch.setattr(dgl_wheel, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"has no pip, .* uv pip install pip"):
        dgl_wheel.install_dgl(lambda step: None)
