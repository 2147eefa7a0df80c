"""Bundles of the hub: from a server of its kind on the loopback address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import constants

from ariigcn_dgl import load_bundle
from ariigcn_dgl.bundle.hub import from_hub
from ariigcn_dgl.errors import InputError
from tests.extract.hub_server import Hub, ask, serving

NAME = "ann/talk"


@pytest.fixture
def stored(hub: Hub, bundled: Path) -> str:
    """Return the commit of a bundle on the hub, beside what must stay there."""
    others = {"README.md": b"# Talk", "old/a.ariigcn": b"no", "code.py": b"no", "a.bin": b"no"}
    return hub.add(NAME, {"talk.ariigcn": bundled.read_bytes(), **others})


def test_bundle_of_the_hub_predicts_what_its_file_predicts(
    ariigcn: Callable, stored: str, bundled: Path, data: Path, tmp_path: Path
) -> None:
    for run, name in ((f"hub:{NAME}", "hub.jsonl"), (bundled, "file.jsonl")):
        ended = ariigcn("predict", run, "--data", data, "--out", tmp_path / name)
        assert ended.code == 0, ended.err
        assert (f"hub:{NAME}: talk.ariigcn of the hub, hub:{NAME}@{stored}\n" in ended.err) == (
            name == "hub.jsonl"
        )
    assert (tmp_path / "hub.jsonl").read_bytes() == (tmp_path / "file.jsonl").read_bytes()


def test_every_command_and_python_take_it(
    ariigcn: Callable, stored: str, data: Path, hub: Hub
) -> None:
    assert ariigcn("bundle", f"hub:{NAME}").out.startswith("# talk\n")
    assert ariigcn("evaluate", f"hub:{NAME}", "--data", data).code == 0
    assert load_bundle(f"hub:{NAME}@{stored}").label_names == load_bundle(f"hub:{NAME}").label_names


def test_nothing_but_the_bundle_is_downloaded(stored: str, hub: Hub) -> None:
    path = from_hub(f"hub:{NAME}", print)
    assert [x.name for x in path.parent.rglob("*")] == ["talk.ariigcn"]
    assert {x.rpartition("/")[2] for x in hub.asked if "/resolve/" in x} == {"talk.ariigcn"}


def test_revision_is_that_of_the_name(hub: Hub) -> None:
    notes: list[str] = []
    old = hub.add(NAME, {"a.ariigcn": b"old"})
    hub.add(NAME, {"a.ariigcn": b"new"})
    hub.refs[NAME]["v1"] = old
    assert from_hub(f"hub:{NAME}", print).read_bytes() == b"new"
    for revision in ("v1", old):
        assert from_hub(f"hub:{NAME}@{revision}", notes.append).read_bytes() == b"old"
    assert all(f"hub:{NAME}@{old}" in note for note in notes)


def test_one_of_several_is_named(hub: Hub) -> None:
    hub.add(NAME, {"a.ariigcn": b"a", "b.ariigcn": b"b"})
    with pytest.raises(InputError, match=r"2 bundles \(a\.ariigcn, b\.ariigcn\), expected one"):
        from_hub(f"hub:{NAME}", print)
    assert from_hub(f"hub:{NAME}/b.ariigcn@main", print).read_bytes() == b"b"


def test_second_time_needs_no_server(gone: Hub, hub: Hub) -> None:
    with serving(hub), pytest.MonkeyPatch.context() as there:
        ask(hub, there)
        hub.add(NAME, {"a.ariigcn": b"a"})
        first = from_hub(f"hub:{NAME}", print)
    assert from_hub(f"hub:{NAME}", print) == first
    assert from_hub(f"hub:{NAME}", print, offline=True) == first


@pytest.mark.parametrize("by", ["option", "variable"])
def test_offline_asks_nothing(
    by: str, refused: Callable, stored: str, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by == "variable":
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    more = ("--offline",) if by == "option" else ()
    said = refused("predict", f"hub:{NAME}", "--transcript", "a.txt", *more)
    assert said.startswith(f"hub:{NAME}: not in the cache (")
    assert "this is offline: leave out --offline and HF_HUB_OFFLINE once" in said
    assert hub.asked == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hub:ann/tlak", "has no such repository, or a private one .*; did you mean 'ann/talk'?"),
        ("hub:ann/none", "no bundle: it holds no .ariigcn file"),
        ("hub:ann/talk/b.ariigcn", "no bundle: it holds no b.ariigcn"),
        ("hub:ann/talk@v9", "has no such branch, tag or commit"),
        ("hub:ann/gated", "its owners give it to those who ask"),
        ("hub:talk", "expected hub:OWNER/NAME, perhaps with @REVISION"),
        ("hub:ann/../etc", "expected hub:OWNER/NAME"),
        ("hub:ann/talk/../a.ariigcn", "expected hub:OWNER/NAME"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(name: str, words: str, stored: str, hub: Hub) -> None:
    for other in ("ann/none", "ann/gated"):
        hub.add(other, {"config.json": b"{}"})
    hub.gated.add("ann/gated")
    from_hub(f"hub:{NAME}", print)
    with pytest.raises(InputError, match=f"^{name}: .*{words}") as refusal:
        from_hub(name, print)
    assert "\n" not in str(refusal.value)
    assert "no such file or folder" not in str(refusal.value)


def test_no_network_is_one_sentence(refused: Callable, gone: Hub) -> None:
    said = refused("predict", f"hub:{NAME}", "--transcript", "a.txt")
    assert "does not answer (ConnectError: " in said
    assert "try again with a network" in said


def test_damaged_bundle_of_the_hub_is_refused(
    ariigcn: Callable, hub: Hub, bundled: Path, data: Path
) -> None:
    content = bytearray(bundled.read_bytes())
    content[-5] ^= 1
    hub.add(NAME, {"talk.ariigcn": bytes(content)})
    ended = ariigcn("evaluate", f"hub:{NAME}", "--data", data)
    assert (ended.code, ended.out) == (2, "")
    assert "changed since it was made; get it again" in ended.err
