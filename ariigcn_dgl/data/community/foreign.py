"""Files of other kinds that are taken for pickles: what they are, and what to do with them."""

from __future__ import annotations

import zipfile
from pathlib import Path

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import open_regular

_HEAD_BYTES = 1 << 10  # web pages may begin with blank lines
_UNPACK = "unpack it first"
# How files begin, what they are then, and what to do.
_BEGINNINGS = (
    (b"\x1f\x8b", "gzip-compressed", f"{_UNPACK}: gunzip FILE"),
    (b"BZh", "bzip2-compressed", f"{_UNPACK}: bunzip2 FILE"),
    (b"\xfd7zXZ\x00", "xz-compressed", f"{_UNPACK}: unxz FILE"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed", f"{_UNPACK}: unzstd FILE"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", f"{_UNPACK}: 7z x FILE"),
    (b"Rar!", "a RAR archive", f"{_UNPACK}: unrar x FILE"),
    (b"ZF0x", "compressed by joblib", "save it again with joblib.dump(..., compress=0)"),
    (b"\x78\x9c", "zlib-compressed", "save it again as a plain pickle"),
    (
        b"version https://git-lfs",
        "a git-lfs pointer, not the file itself",
        "get it with: git lfs pull",
    ),
    (
        b"\x89HDF\r\n\x1a\n",
        "an HDF5 file",
        "of the CMU-Multimodal SDK's .csd files import the folder; convert any other to a .npy of "
        "plain numbers per modality",
    ),
    (b"MATLAB 5.0", "a MATLAB file", "convert it to a .npy of plain numbers per modality"),
    (b"\x93NUMPY", "a NumPy array (.npy)", "put it beside an utterances.csv"),
    (b"PAR1", "a Parquet file", "convert it to a .npy of plain numbers per modality"),
    (b"%PDF", "a PDF document", "download the data file itself"),
    # The number that torch.save wrote before it wrote zip files.
    (
        b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.",
        "a file of torch.save in its old form",
        "convert its tensors to .npy files",
    ),
)


def refuse_foreign(path: Path) -> None:
    """Raise where the first bytes of a file say that it is no pickle but something well known.

    Raises
    ------
    InputError
        Says what the file is, and what to do with it.
    """
    with open_regular(path) as file:
        head = file.read(_HEAD_BYTES)
    for beginning, kind, advice in _BEGINNINGS:
        if head.startswith(beginning):
            raise InputError(f"{path}: is {kind}, expected a pickle; {advice}")
    words = head.lstrip().lower()
    if words.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise InputError(
            f"{path}: is a web page (HTML), expected a pickle; the download went wrong: open the "
            f"address in a browser, or use the site's own tool"
        )
    if head.startswith(b"PK\x03\x04"):
        raise InputError(f"{path}: is {_zip_kind(path)}")


def _zip_kind(path: Path) -> str:
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return "a damaged zip archive, expected a pickle; download or copy the file again"
    if any(name.endswith("data.pkl") for name in names):
        return "a file of torch.save, expected a plain pickle; convert its tensors to .npy files"
    if any(name.endswith(".npy") for name in names):
        look = "ariigcn data check --data FILE"
        return f"a NumPy archive (.npz), expected a pickle; look at it with: {look}"
    return f"a zip archive, expected a pickle; {_UNPACK}: unzip FILE"
