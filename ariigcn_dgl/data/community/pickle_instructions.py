"""The instructions of a pickle that make plain data; see `unpickle` for the machine they drive.

Left out on purpose, so that they end the reading: persistent ids (PERSID, BINPERSID), registered
extensions (EXT1, EXT2, EXT4) and buffers from outside the file (NEXT_BUFFER, READONLY_BUFFER).
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import TYPE_CHECKING

from ariigcn_dgl.data.community.pickled_numpy import MalformedError

if TYPE_CHECKING:
    from ariigcn_dgl.data.community.unpickle import Machine

NEWEST_PROTOCOL = 5
_LONGEST_NUMBER = 256  # bytes
Instruction = Callable[["Machine"], None]


def _protocol(m: Machine) -> None:
    if m.take(1)[0] > NEWEST_PROTOCOL:
        raise MalformedError("a pickle of an unknown protocol")


def _int_line(m: Machine) -> None:
    line = m.line()
    # Protocols 0 and 1 write False and True as these two lines.
    m.stack.append({"00": False, "01": True}[line] if line in ("00", "01") else int(line))


def _long(m: Machine, size: int) -> None:
    if size > _LONGEST_NUMBER:
        raise MalformedError(f"a whole number of {size} bytes")
    m.stack.append(int.from_bytes(m.take(size), "little", signed=True))


def _string_line(m: Machine) -> None:
    line = m.line()
    if len(line) < 2 or line[0] not in "'\"" or line[-1] != line[0]:
        raise MalformedError("text without quotes")
    m.stack.append(codecs.escape_decode(line[1:-1].encode("latin1"))[0].decode("latin1"))


def _unicode_line(m: Machine) -> None:
    end = m.content.find(b"\n", m.at)
    m.stack.append(m.take(max(end, m.at) + 1 - m.at)[:-1].decode("raw-unicode-escape"))


def _text(m: Machine, size: int, encoding: str) -> None:
    # pickle writes half a surrogate pair as it is.
    m.stack.append(m.take(size).decode(encoding, "surrogatepass"))


def _tuple_of(count: int) -> Instruction:
    return lambda m: m.stack.append(m.pop(count))


def _frozenset(m: Machine) -> None:
    members = m.pop_mark()
    m.stack.append(set())
    m.add(members)


def _dict(m: Machine) -> None:
    pairs = m.pop_mark()
    m.stack.append({})
    m.set_items(pairs)


def _stack_global(m: Machine) -> None:
    m.push_name(*m.pop(2))


def _global(m: Machine) -> None:
    module = m.line()
    m.push_name(module, m.line())


def _inst(m: Machine) -> None:
    _global(m)
    (kind,) = m.pop(1)
    m.instance(kind, m.pop_mark())


def _obj(m: Machine) -> None:
    kind, *arguments = m.pop_mark()
    m.instance(kind, arguments)


def _newobj_ex(m: Machine) -> None:
    kind, arguments, named = m.pop(3)
    m.instance(kind, arguments or named)


def _pop(m: Machine) -> None:
    if m.marks and m.marks[-1] == len(m.stack):
        m.marks.pop()
    else:
        m.stack.pop()


def _pop_mark(m: Machine) -> None:
    m.pop_mark()


def _float_line(m: Machine) -> None:
    m.stack.append(float(m.line()))


INSTRUCTIONS: dict[int, Instruction] = {
    ord(code): instruction
    for code, instruction in {
        "\x80": _protocol,
        "\x95": lambda m: m.take(8) and None,  # FRAME: a hint about buffering
        "(": lambda m: m.marks.append(len(m.stack)),
        "0": _pop,
        "1": _pop_mark,
        "2": lambda m: m.stack.append(m.stack[-1]),
        "N": lambda m: m.stack.append(None),
        "\x88": lambda m: m.stack.append(True),
        "\x89": lambda m: m.stack.append(False),
        "I": _int_line,
        "J": lambda m: m.stack.append(m.number("<i")),
        "K": lambda m: m.stack.append(m.take(1)[0]),
        "M": lambda m: m.stack.append(m.number("<H")),
        "L": lambda m: m.stack.append(int(m.line().rstrip("L"))),
        "\x8a": lambda m: _long(m, m.take(1)[0]),
        "\x8b": lambda m: _long(m, m.number("<I")),
        "F": _float_line,
        "G": lambda m: m.stack.append(m.number(">d")),
        "S": _string_line,
        "T": lambda m: _text(m, m.number("<I"), "latin1"),
        "U": lambda m: _text(m, m.take(1)[0], "latin1"),
        "V": _unicode_line,
        "X": lambda m: _text(m, m.number("<I"), "utf-8"),
        "\x8c": lambda m: _text(m, m.take(1)[0], "utf-8"),
        "\x8d": lambda m: _text(m, m.number("<Q"), "utf-8"),
        "B": lambda m: m.stack.append(m.take(m.number("<I"))),
        "C": lambda m: m.stack.append(m.take(m.take(1)[0])),
        "\x8e": lambda m: m.stack.append(m.take(m.number("<Q"))),
        "\x96": lambda m: m.stack.append(m.take(m.number("<Q"))),  # BYTEARRAY8
        ")": lambda m: m.stack.append(()),
        "\x85": _tuple_of(1),
        "\x86": _tuple_of(2),
        "\x87": _tuple_of(3),
        "t": lambda m: m.stack.append(tuple(m.pop_mark())),
        "]": lambda m: m.stack.append([]),
        "l": lambda m: m.stack.append(m.pop_mark()),
        "a": lambda m: m.append(list(m.pop(1))),
        "e": lambda m: m.append(m.pop_mark()),
        "}": lambda m: m.stack.append({}),
        "d": _dict,
        "s": lambda m: m.set_items(list(m.pop(2))),
        "u": lambda m: m.set_items(m.pop_mark()),
        "\x8f": lambda m: m.stack.append(set()),
        "\x90": lambda m: m.add(m.pop_mark()),
        "\x91": _frozenset,
        "p": lambda m: m.remember(int(m.line())),
        "q": lambda m: m.remember(m.take(1)[0]),
        "r": lambda m: m.remember(m.number("<I")),
        "\x94": lambda m: m.remember(len(m.memo)),
        "g": lambda m: m.stack.append(m.memo[int(m.line())]),
        "h": lambda m: m.stack.append(m.memo[m.take(1)[0]]),
        "j": lambda m: m.stack.append(m.memo[m.number("<I")]),
        "c": _global,
        "\x93": _stack_global,
        "R": lambda m: m.call(*m.pop(2)),
        "b": lambda m: m.build(),
        "i": _inst,
        "o": _obj,
        "\x81": lambda m: m.instance(*m.pop(2)),
        "\x92": _newobj_ex,
    }.items()
}
