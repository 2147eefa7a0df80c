"""Names of the hub become folders: from a server of its kind on the loopback address."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import constants, errors

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.choose import Computing, text_encoder, visual_encoder
from ariigcn_dgl.extract.hub import locate
from ariigcn_dgl.extract.hub_errors import Wanted, sentence
from tests.extract.hub_server import Hub, ask, serving

NAME = "somebody/encoder"
TINY = {"config.json": b"{}", "model.safetensors": b"weights"}


def test_name_becomes_a_folder_of_a_commit(
    hub: Hub, cache: Path, notes: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    card = b"---\nlicense: mit\n---\n# A card"
    commit = hub.add(NAME, TINY | {"README.md": card, "1_Pooling/config.json": b"{}"})
    source = locate(NAME, "--text", notes.append)
    assert (source.name, source.hub, source.revision, source.licence) == (NAME, NAME, commit, "mit")
    assert source.path.is_relative_to(cache)
    assert (source.path / "model.safetensors").read_bytes() == b"weights"
    assert (source.path / "1_Pooling" / "config.json").is_file()
    assert notes == [f"--text {NAME}: of the hub, commit {commit[:12]}"]
    assert capsys.readouterr().err == ""  # bars are for terminals


def test_pickles_code_and_other_precisions_stay_where_they_are(hub: Hub) -> None:
    others = ("pytorch_model.bin", "modeling.py", "onnx/model.onnx", "fp32/model.safetensors")
    hub.add(NAME, TINY | dict.fromkeys((*others, "a.pt", "model.fp32-1-of-2.safetensors"), b"no"))
    folder = locate(NAME, "--text", print).path
    assert {x.name for x in folder.rglob("*")} == set(TINY)
    assert not any(other in path for path in hub.asked for other in others)


def test_second_time_needs_no_server(hub: Hub, gone: Hub, notes: list[str], cache: Path) -> None:
    with serving(hub), pytest.MonkeyPatch.context() as there:
        ask(hub, there)
        hub.add(NAME, TINY)
        first = locate(NAME, "--text", notes.append)
    assert locate(NAME, "--text", notes.append) == first
    assert locate(NAME, "--text", notes.append, offline=True) == first


def test_offline_asks_nothing(hub: Hub, notes: list[str]) -> None:
    hub.add(NAME, TINY)
    with pytest.raises(InputError, match=r"not in the cache .* hf download somebody/encoder where"):
        locate(NAME, "--text", notes.append, offline=True)
    assert hub.asked == []


def test_variable_of_the_library_is_obeyed(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub.add(NAME, TINY)
    with pytest.raises(InputError, match="this is offline: leave out --offline and HF_HUB_OFFLINE"):
        locate(NAME, "--text", print)
    assert hub.asked == []


def test_revision_is_that_of_the_name(hub: Hub) -> None:
    old = hub.add(NAME, TINY)
    hub.add(NAME, TINY | {"model.safetensors": b"better"})
    hub.refs[NAME]["v1"] = old
    for revision in ("v1", old):
        found = locate(f"{NAME}@{revision}", "--text", print)
        assert (found.revision, (found.path / "model.safetensors").read_bytes()) == (
            old,
            b"weights",
        )


def test_weights_come_from_the_converter_of_the_hub(hub: Hub, notes: list[str]) -> None:
    hub.add(NAME, {"config.json": b"{}", "pytorch_model.bin": b"no"})
    hub.offer(NAME, 1, "Mallory", TINY)
    commit = hub.offer(NAME, 7, "SFconvertbot", TINY)
    assert locate(NAME, "--audio", notes.append).revision == commit
    assert "has no safetensors of its own; taken from refs/pr/7, the hub's own" in notes[0]


def test_repository_of_pickles_alone_is_refused(hub: Hub) -> None:
    hub.add(NAME, {"config.json": b"{}", "pytorch_model.bin": b"no"})
    hub.offer(NAME, 1, "Mallory", TINY)
    with pytest.raises(InputError, match=r"has no model\.safetensors, .*take an encoder that has"):
        locate(NAME, "--text", print)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("roberta-lrage", "no such repository, or a private one .*did you mean 'roberta-large'"),
        (
            "all-mpnet-base-v2",
            "no such repository, .*did you mean 'sentence-transformers/all-mpnet-base-v2'",
        ),
        (f"{NAME}@v9", "has no such branch, tag or commit"),
        ("somebody/gated", r"ask at http://.*/somebody/gated, then hf auth login, or set HF_TOKEN"),
        ("a..b", r"no such file or folder, and no name of the hub: expected OWNER/NAME"),
        ("weights.pth", "no such file or folder$"),
        ("./folder", "no such file or folder$"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(hub: Hub, name: str, words: str) -> None:
    hub.add(NAME, TINY)
    hub.add("somebody/gated", TINY)
    hub.gated.add("somebody/gated")
    with pytest.raises(InputError, match=f"^--text {name}: .*{words}") as refusal:
        locate(name, "--text", print)
    assert "\n" not in str(refusal.value)


def test_no_network_is_one_sentence(gone: Hub) -> None:
    with pytest.raises(InputError, match=r"does not answer \(ConnectError: [^\n]*\): try again"):
        locate(NAME, "--text", print)


def test_full_disk_is_one_sentence() -> None:
    error = OSError(errno.ENOSPC, "No space left on device")
    said = sentence(error, huggingface_hub, Wanted(f"--text {NAME}", NAME, None, False))
    assert f"no space left in {constants.HF_HUB_CACHE}: free some, or set HF_HOME to an" in said


def test_broken_download_is_one_sentence() -> None:
    parts = SimpleNamespace(errors=errors, constants=constants)
    said = sentence(RuntimeError("peer closed\nit"), parts, Wanted("--text x", "x", None, False))
    assert "broke off (RuntimeError: peer closed it): run it again, what has arrived is" in said


def test_part_of_the_weights_is_refused(hub: Hub, cache: Path) -> None:
    index = {"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}}
    parts = dict.fromkeys(index["weight_map"].values(), b"x")
    files = {"config.json": b"{}", "model.safetensors.index.json": json.dumps(index).encode()}
    hub.add(NAME, files | parts)
    folder = locate(NAME, "--text", print).path
    (folder / "model-2-of-2.safetensors").unlink()
    with pytest.raises(
        InputError, match=r"is not whole, and the rest cannot be had offline: run hf"
    ):
        locate(NAME, "--text", print, offline=True)


def test_text_encoder_of_the_hub_is_that_of_its_folder(
    hub: Hub, roberta: Path, notes: list[str]
) -> None:
    commit = hub.add_folder(NAME, roberta)
    found = text_encoder(NAME, notes.append)
    local = text_encoder(str(roberta), notes.append)
    assert np.array_equal(found.encode(["Hello"]), local.encode(["Hello"]))
    said = found.describe()
    assert (said["name"], said["hub"], said["revision"]) == (NAME, NAME, commit)
    assert said["weights_sha256"] == local.describe()["weights_sha256"]
    assert len(notes) == 1  # a path needs none


def test_densenet_is_the_one_of_torchvision_on_the_hub(
    hub: Hub, densenet: Path, tmp_path: Path
) -> None:
    import torch
    from safetensors.torch import save_file

    save_file(torch.load(densenet, weights_only=True), tmp_path / "model.safetensors")
    weights = (tmp_path / "model.safetensors").read_bytes()
    hub.add("timm/densenet121.tv_in1k", {"model.safetensors": weights})
    said = visual_encoder("densenet121", print, Computing()).describe()
    assert (said["name"], said["hub"]) == ("densenet121", "timm/densenet121.tv_in1k")
    assert (
        said["weights_sha256"] == visual_encoder(str(densenet), print).describe()["weights_sha256"]
    )
