"""Nothing is downloaded, though nobody tells the libraries that they are offline."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ariigcn_dgl.extract.audio import AudioEncoder, save_encoder

pytestmark = pytest.mark.slow  # extracts in processes of their own

NO_NETWORK = """
import os, sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        print(event, arguments, file=sys.stderr, flush=True)
        os._exit(3)  # which nobody can catch

sys.addaudithook(refuse)
"""
ENCODERS = """
from pathlib import Path
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.text import TextEncoder

for folder in sys.argv[1:]:
    try:
        TextEncoder(Path(folder))
    except InputError as error:
        print(error)
"""
COMMAND = """
from ariigcn_dgl.cli import main
main(sys.argv[1:])
"""


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run code in a process that ends with 3 as soon as it looks for another machine."""
    offline = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    return subprocess.run(
        [sys.executable, "-c", NO_NETWORK + code, *map(str, arguments)],
        env={name: value for name, value in os.environ.items() if name not in offline},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_network_is_watched() -> None:
    done = run("import urllib.request; urllib.request.urlopen('http://localhost:9')")
    assert done.returncode == 3
    assert "socket.getaddrinfo ('localhost', 9" in done.stderr


def test_recording_becomes_features_without_the_network(
    record: Callable, roberta: Path, densenet: Path, tmp_path: Path
) -> None:
    film = record(tmp_path / "film.mp4", [(0.6, 400.0, (230, 220, 60))])
    film.with_suffix(".srt").write_text("1\n00:00:00,000 --> 00:00:00,600\nA: What a day!\n")
    save_encoder(AudioEncoder(8, 6), tmp_path / "audio.safetensors")
    encoders = ("--text", roberta, "--audio", tmp_path / "audio.safetensors", "--visual", densenet)
    done = run(COMMAND, "extract", film, *encoders, "--out", tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert "1 utterances of 1 dialogues, text (12), audio (6), visual (9): " in done.stdout


def test_what_a_folder_lacks_is_not_looked_for_elsewhere(roberta: Path, tmp_path: Path) -> None:
    lacking = ["model.safetensors", "tokenizer.json", "tokenizer_config.json", "config.json"]
    for name in lacking:
        shutil.copytree(roberta, tmp_path / name)
        (tmp_path / name / name).unlink()
    elsewhere = {"AutoConfig": "nobody/nowhere--code.Config"}  # code of a repository on the hub
    config = json.dumps({"model_type": "roberta-2", "auto_map": elsewhere})
    (tmp_path / "config.json" / "config.json").write_text(config)
    done = run(ENCODERS, *(tmp_path / name for name in lacking), "roberta-large")
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0].startswith(f"{tmp_path / lacking[0]}: not a complete encoder with tokenizer: ")
    assert said[-2].startswith(f"{tmp_path / lacking[3]}: not a complete encoder with tokenizer: ")
    assert said[-1].startswith("roberta-large: no config.json, ")
