"""Files of other kinds are called what they are, with what to do."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from ariigcn_dgl.data.community import import_file
from ariigcn_dgl.errors import InputError

VALUE = {"d0": [1.0, 2.0]}


def _torch(zipped: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save(VALUE, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def _zip(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(2))
    return buffer.getvalue()


FILES = {
    "gzip-compressed, expected a pickle; unpack it": gzip.compress(pickle.dumps(VALUE)),
    "bzip2-compressed": bz2.compress(pickle.dumps(VALUE)),
    "xz-compressed": lzma.compress(pickle.dumps(VALUE)),
    "a file of torch.save, expected": _torch(True),
    "a file of torch.save in its old form": _torch(False),
    r"a NumPy archive \(.npz\)": _zip(**{"text.npy": b""}),
    "a zip archive, expected a pickle; unpack it": _zip(a=b""),
    "a damaged zip archive": _zip(a=b"")[:20],
    r"a NumPy array \(.npy\)": _npy(),
    r"a web page \(HTML\)": b"  <!DOCTYPE html><html><title>Too large to scan</title></html>",
    "a git-lfs pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
    "an HDF5 file": b"\x89HDF\r\n\x1a\n" + bytes(96),
    "a MATLAB file": b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + b" " * 86,
}


@pytest.mark.parametrize("words", FILES)
def test_kind_of_a_foreign_file_is_named(words: str, tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(FILES[words])
    with pytest.raises(InputError, match=rf"a\.pkl: is {words}"):
        import_file(tmp_path / "a.pkl")


def test_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.pkl")
    with pytest.raises(InputError, match=r"a\.pkl: is a pipe, expected a file"):
        import_file(tmp_path / "a.pkl")


def test_pipe_in_a_folder_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "label.npz")
    with pytest.raises(InputError, match="no known layout"):
        import_file(tmp_path)
