"""Plain values come out of a pickle as they went in; nothing else does, and nothing is run."""

from __future__ import annotations

import collections
import contextlib
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ariigcn_dgl.data.community.pickle_names import Record
from ariigcn_dgl.data.community.unpickle import _Unpickler, unpickle, unpickle_bytes
from ariigcn_dgl.errors import InputError

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
VALUES = [
    None,
    True,
    False,
    -7,
    2**70,
    1.5,
    float("inf"),
    "é",
    "line\nline",
    b"\x00\xff",
    bytearray(b"ab"),
    [],
    [1, [2]],
    (),
    (1, 2, 3, 4),
    {"a": {1: None}},
    {1, "b"},
    frozenset({2}),
    collections.OrderedDict(a=1),
    collections.defaultdict(list, {1: [2]}),
    np.float32(0.5),
    np.int64(3),
    np.bool_(True),
    np.str_("text"),
]
ARRAYS = [
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.arange(6, dtype=np.float64).reshape(2, 3).T,
    np.arange(3, dtype=">i4"),
    np.array([0.5, 1], np.float16),
    np.zeros((0, 4), np.float32),
    np.array(3.0),
    np.array([True, False]),
    np.array(["ab", "c"]),
]


# Not their representations: a set has another one in another process, which finds other tests then.
IDS = [f"{type(value).__name__}{place}" for place, value in enumerate(VALUES)]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("value", VALUES, ids=IDS)
def test_value(value: Any, protocol: int) -> None:
    assert unpickle_bytes(pickle.dumps(value, protocol), "f") == value


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_array(array: np.ndarray, protocol: int) -> None:
    read = unpickle_bytes(pickle.dumps([array, array], protocol), "f")
    np.testing.assert_array_equal(read[0], array)
    assert read[0].dtype == array.dtype.newbyteorder("=")
    assert read[1] is read[0]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_array_under_the_module_names_of_numpy_1(protocol: int) -> None:
    array = np.arange(4, dtype=np.float32)
    content = pickle.dumps(array, protocol)
    for name in (b"numpy._core.multiarray", b"numpy._core.numeric"):
        old = name.replace(b"._core", b".core")
        lengths = bytes([0x8C, len(name)]), bytes([0x8C, len(old)])
        content = content.replace(lengths[0] + name, lengths[1] + old).replace(name, old)
    assert b"numpy._core" not in content
    np.testing.assert_array_equal(unpickle_bytes(content, "f"), array)


def test_array_of_objects_becomes_lists() -> None:
    assert unpickle_bytes(pickle.dumps(np.array([None, "a"], object)), "f") == [None, "a"]
    assert unpickle_bytes(pickle.dumps(np.array([[1, 2], [3, "a"]], object)), "f") == [
        [1, 2],
        [3, "a"],
    ]
    assert unpickle_bytes(pickle.dumps(np.array({"a": 1}, object)), "f") == {"a": 1}


@pytest.mark.parametrize("array", [[b"ab", b"c"], [[b"caf\xe9"], [b""]], []])
def test_bytes_array_becomes_text_of_latin1(array: list) -> None:
    read = unpickle_bytes(pickle.dumps(np.asfortranarray(np.array(array, "S4"))), "f")
    expected = np.char.decode(np.array(array, "S4"), "latin1")
    assert read.tolist() == expected.tolist()


@pytest.mark.parametrize(
    "content",
    [
        b"ccogmen.Sample\nSample\n)\x81}S'vid'\nS'a'\nsb.",
        b"(icogmen.Sample\nSample\n}S'vid'\nS'a'\nsb.",
        b"(ccogmen.Sample\nSample\no}S'vid'\nS'a'\nsb.",
        b"ccopy_reg\n_reconstructor\n(ccogmen.Sample\nSample\nc__builtin__\nobject\nNtR}S'vid'\nS'a'\nsb.",
        b"\x80\x04\x8c\x0dcogmen.Sample\x8c\x06Sample\x93)\x81}\x8c\x03vid\x8c\x01asb.",
    ],
)
def test_instance_is_read_without_its_class(content: bytes) -> None:
    read = unpickle_bytes(content, "f")
    assert isinstance(read, Record)
    assert read.fields == {"vid": "a"}
    assert "cogmen" not in sys.modules


class _Runs:
    """Its pickle calls a function when it is opened as usual."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, Any]:
        return self.call


_NEW_ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n"


def _hostile(mark: Path) -> dict[str, bytes]:
    """Return pickles that would write the file `mark`, or do other harm, by every way there is."""
    shell = f"echo ran > {mark}".encode()
    python = f"open({str(mark)!r}, 'w')".encode()
    call = b"(S'" + shell + b"'\ntR."
    return {
        "reduce os.system": pickle.dumps(_Runs(os.system, shell.decode())),
        "reduce eval": pickle.dumps(_Runs(eval, python.decode())),
        "reduce exec, protocol 0": pickle.dumps(_Runs(exec, python.decode()), 0),
        "reduce Popen": pickle.dumps(_Runs(subprocess.Popen, ("sh", "-c", shell.decode()))),
        "reduce Path.write_text": pickle.dumps(_Runs(Path.write_text, mark, "ran")),
        "in a list": pickle.dumps([1, {"a": _Runs(os.system, shell.decode())}]),
        "in an array": pickle.dumps(np.array([_Runs(os.system, shell.decode())], object)),
        "global": b"cos\nsystem\n" + call,
        "global of posix": b"cposix\nsystem\n" + call,
        "stack global": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
        "inst": b"(S'" + shell + b"'\nios\nsystem\n.",
        "obj": b"(cos\nsystem\nS'" + shell + b"'\no.",
        "newobj": b"cos\nsystem\n(S'" + shell + b"'\nt\x81.",
        "newobj of a Sample with arguments": b"cos\nSample\n(S'" + shell + b"'\nt\x81.",
        "reduce of a Sample": b"cos\nSample\n" + call,
        "dotted name": b"\x80\x04\x8c\x05numpy\x8c\x0fcore.sys.modules\x93.",
        "attribute of an allowed module": b"cbuiltins\ngetattr\n(cnumpy\nndarray\nS'x'\ntR.",
        "numpy's own loader": b"cnumpy\nload\n(S'/etc/passwd'\ntR.",
        "torch's loader": b"ctorch.storage\n_load_from_bytes\n(S''\ntR.",
        "build on a name": b"cnumpy\nndarray\n}S'x'\nI1\nsb.",
        "build on a dictionary": b"}}S'x'\nI1\nsb.",
        "build on an array": _NEW_ARRAY + b"(cnumpy\nndarray\n(I0\ntS'b'\ntR}b.",
        "array of a subclass": _NEW_ARRAY + b"(cos\nSample\n(I0\ntS'b'\ntR.",
        "call of a value": b"S'system'\n(S'true'\ntR.",
        "persistent id": b"Pos.system\n.",
        "binary persistent id": b"S'os.system'\nQ.",
        "extension": b"\x80\x02\x82\x01.",
        "extension of two bytes": b"\x80\x02\x83\x01\x00.",
        "extension of four bytes": b"\x80\x02\x84\x01\x00\x00\x00.",
        "buffer from outside": b"\x80\x05\x97.",
        "read-only buffer": b"\x80\x05]\x98.",
        "unknown protocol": b"\x80\x06N.",
    }


@pytest.mark.parametrize("how", _hostile(Path("mark")))
def test_hostile_pickle_is_refused_and_runs_nothing(how: str, tmp_path: Path) -> None:
    (tmp_path / "f.pkl").write_bytes(_hostile(tmp_path / "mark")[how])
    before = set(sys.modules)
    with pytest.raises(InputError, match=r"f\.pkl: "):
        unpickle(tmp_path / "f.pkl")
    assert not (tmp_path / "mark").exists()
    assert set(sys.modules) == before


def test_the_name_that_would_run_is_told() -> None:
    with pytest.raises(InputError, match=r"f: names posix\.system: .*nothing was run"):
        unpickle_bytes(pickle.dumps(os.system), "f")


_BOMBS = {
    "memo of four billion": b"\x80\x02Nr\xff\xff\xff\xff.",
    "text of an exabyte": b"\x80\x04\x8d" + b"\xff" * 7 + b"\x0fa.",
    "bytes of an exabyte": b"\x80\x04\x8e" + b"\xff" * 7 + b"\x0fa.",
    "bytearray of an exabyte": b"\x80\x05\x96" + b"\xff" * 7 + b"\x0fa.",
    "array of a terabyte": b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
    b"(I1\n(I1000000000000\nt" + b"cnumpy\ndtype\n(S'f4'\nI0\nI1\ntRI00\nS''\ntb.",
    "number of a million digits": b"I" + b"9" * 1_000_000 + b"\n.",
    "deep key": b"\x80\x02}(" + b")" + b"\x85" * 100_000 + b"Nu.",
    "copies of a list": b"\x80\x02]("
    + b"N" * 10_000
    + b"eq\x000]q\x010"
    + b"h\x01c__builtin__\nlist\nh\x00\x85Ra0" * 20_000
    + b"h\x01.",
}


_CHILD = """
import os, resource, sys
from ariigcn_dgl.data.community.unpickle import unpickle
from ariigcn_dgl.errors import InputError

used = int(open("/proc/self/statm").read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 28),) * 2)
for path in sys.argv[1:]:
    try:
        unpickle(path)
        print("read")
    except InputError as error:
        print(str(error).rpartition(": ")[2] and "refused")
"""


@pytest.mark.slow
def test_bombs_are_read_or_refused_in_little_memory(tmp_path: Path) -> None:
    for place, content in enumerate(_BOMBS.values()):
        (tmp_path / f"{place}.pkl").write_bytes(content)
    files = [str(tmp_path / f"{place}.pkl") for place in range(len(_BOMBS))]
    command = [sys.executable, "-c", _CHILD, *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    outcomes = dict(zip(_BOMBS, done.stdout.split(), strict=True))
    assert outcomes.pop("memo of four billion") == "read"
    assert set(outcomes.values()) == {"refused"}


def _shared(levels: int) -> bytes:
    """Return lists of ten times the same list, so many levels deep."""
    value: list[Any] = [0]
    for _ in range(levels):
        value = [value] * 10
    return pickle.dumps(value)


_COLLISIONS = b"\x80\x02}(" + b"".join(
    b"\x8a\x0b" + ((2**61 - 1) * n).to_bytes(11, "little") + b"N" for n in range(1, 30_000)
)
_DECODES = (
    b"(cnumpy.core.numeric\n_frombuffer\n(B\x00\x00\x10\x00" + b"z" * (1 << 20) + b"q\x00"
    b"cnumpy\ndtype\n(S'S1'\ntRI1048576\nS'C'\ntR"
    + b"0cnumpy.core.numeric\n_frombuffer\n(h\x00cnumpy\ndtype\n(S'S1'\ntRI1048576\nS'C'\ntR" * 3000
    + b"t."
)

_EMPTY_ARRAY = _NEW_ARRAY + b"(cnumpy\nndarray\n(I0\ntS'b'\ntR"
_LONG_SHAPE = (
    _EMPTY_ARRAY
    + b"(I1\n("
    + b"I999999999999\n" * 100_000
    + b"tcnumpy\ndtype\n(S'f4'\ntRI00\nS''\ntb."
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x80\x02]q\x00h\x00a.", "a list that holds itself"),
        (b"\x80\x02}q\x00K\x01h\x00s.", "a dict that holds itself"),
        (b"\x80\x02]q\x00h\x00\x85a.", "a list that holds itself"),
        (
            b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
            "values nested deeper than 64 levels",
        ),
        (_shared(12), "far more values than a file of its size .* ARIIGCN_READ_LIMIT"),
        (_COLLISIONS + b"u.", "a key that is a number of more than 64 bits"),
        (_DECODES, "far more data than a file of its size .* ARIIGCN_READ_LIMIT"),
        (
            b"\x80\x02\x8b\xff\xff\x00\x00" + b"\x01" * 65_535 + b".",
            "a whole number of 65535 bytes",
        ),
        (b"\x80\x02}N\x85Ns.", "a key of the type tuple"),
        (
            b"".join(b"Np%d\n0" % ((2**61 - 1) * n) for n in range(1, 30_000)),
            "a key that is a number",
        ),
        (_LONG_SHAPE, "an array without a shape"),
        (pickle.dumps([1], 0).replace(b"\n", b"\r\n"), "lines that end with CR LF"),
    ],
)
def test_what_would_never_end_is_refused_at_once(content: bytes, words: str) -> None:
    with pytest.raises(InputError, match=f"f: holds {words}"):
        unpickle_bytes(content, "f")


_MANY = b"(" + b"N" * 10_000 + b"lq\x000"
_FIELDS = b"}(" + b"".join(b"M%sN" % n.to_bytes(2, "little") for n in range(2000)) + b"uq\x000"


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [
        _MANY + b"c__builtin__\nset\nh\x00\x85R0" * 1000,  # a set of one value
        _FIELDS + b"ccogmen\nSample\n)\x81" + b"h\x00b" * 1000,
    ],
)
def test_work_that_leaves_nothing_counts(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules[_Unpickler.__module__]
    monkeypatch.setattr(module, "allowed", lambda size: 10_000_000)
    with pytest.raises(InputError, match="f: holds far more data than a file of its size"):
        unpickle_bytes(content + b".", "f")


def test_copies_of_an_unfinished_array_are_finished_once() -> None:
    kind = b"cnumpy\ndtype\n(S'f4'\nI0\nI1\ntR"
    state = b"(I1\n(I0\nt" + kind + b"I00\nS''\ntp0\n0"
    keys = b"".join(b"p%d\n" % n for n in range(1, 20_000))
    copies = b"2" * 20_000
    content = state + _EMPTY_ARRAY + keys + copies + b"g0\nb0" * 20_000 + b"g0\nb."
    assert unpickle_bytes(content, "f").shape == (0,)


def test_the_machine_of_python_has_the_parts_that_are_replaced() -> None:
    names = {load.__name__ for load in pickle._Unpickler.dispatch.values()}
    own = {name for name in vars(_Unpickler) if name.startswith("load_")}
    assert own <= names
    assert len(_Unpickler.dispatch) == 61
    left_out = names - {load.__name__ for load in _Unpickler.dispatch.values()}
    assert left_out - {"load_binbytes8"} == {
        *("load_persid", "load_binpersid", "load_ext1", "load_ext2", "load_ext4"),
        *("load_next_buffer", "load_readonly_buffer", "load_bytearray8"),
    }
    # Instructions that stay Python's own ask these of it.
    assert {"find_class", "_instantiate", "pop_mark", "load"} <= set(dir(pickle._Unpickler))
    assert "_instantiate" in pickle._Unpickler.load_obj.__code__.co_names
    assert "_instantiate" in pickle._Unpickler.load_inst.__code__.co_names


def test_shared_parts_are_no_circle() -> None:
    row = [1.0]
    value = {"a": [row, row], "b": (row, {"c": row})}
    assert unpickle_bytes(pickle.dumps(value), "f") == value


def test_more_is_allowed_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    content = pickle.dumps([[0] * 1000] * 5000)
    with pytest.raises(InputError, match="far more values"):
        unpickle_bytes(content, "f")
    monkeypatch.setenv("ARIIGCN_READ_LIMIT", "10")
    assert len(unpickle_bytes(content, "f")) == 5000


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_truncated_pickle_is_called_so(protocol: int) -> None:
    content = pickle.dumps({"a": [np.arange(9.0), "text", 1.5]}, protocol)
    for end in range(4, len(content)):
        with pytest.raises(InputError, match="f: "):
            unpickle_bytes(content[:end], "f")
    with pytest.raises(InputError, match=r"f: truncated: .* of \d+; download or copy"):
        unpickle_bytes(content[:-1], "f")


def test_empty_and_missing_files(tmp_path: Path) -> None:
    (tmp_path / "empty.pkl").touch()
    with pytest.raises(InputError, match="is empty"):
        unpickle(tmp_path / "empty.pkl")
    with pytest.raises(InputError, match="cannot be read: No such file"):
        unpickle(tmp_path / "none.pkl")


def test_file_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("# not a pickle\n")
    with pytest.raises(InputError, match="not a pickle"):
        unpickle(tmp_path / "a.txt")


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(
            st.text(max_size=3) | st.integers(-(2**63) + 1, 2**63 - 1), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(value=plain, protocol=st.sampled_from(PROTOCOLS))
def test_any_plain_value_survives(value: Any, protocol: int) -> None:
    assert unpickle_bytes(pickle.dumps(value, protocol), "f") == value


def _read_or_refused(content: bytes) -> None:
    with contextlib.suppress(InputError):
        unpickle_bytes(content, "f")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(content=st.binary(max_size=60), start=st.sampled_from([b"", b"\x80\x02", b"\x80\x04"]))
def test_any_bytes_are_read_or_refused(content: bytes, start: bytes) -> None:
    _read_or_refused(start + content)


instructions = st.lists(
    st.sampled_from(
        [bytes([code]) for code in range(0x20, 0x99)]
        + [b"c__builtin__\nset\n", b"cnumpy\ndtype\n", b"cos\nSample\n", b"cnumpy\nndarray\n"]
        + [b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy.core.multiarray\nscalar\n"]
        + [b"S'f4'\n", b"I3\n", b"(I3\nt", b"q\x00", b"h\x00", b"S'<'\n"]
    ),
    max_size=20,
)


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(program=instructions)
def test_any_program_is_read_or_refused(program: list[bytes]) -> None:
    _read_or_refused(b"".join(program) + b".")
