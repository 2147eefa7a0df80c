r"""Text from outside, harmless in each medium that shows it: one function a medium.

Labels, speakers, names of data sets and settings, paths and sentences about them may hold anything:
codes that a terminal obeys, formulas, markup, new lines. Pages escape themselves (`report.page`).
"""

from __future__ import annotations

import re
import shlex
from typing import Any

LONGEST_NAME = 100  # bytes, of the 255 that file systems allow

# Controls, separators of lines, what turns the direction of writing, half surrogate pairs.
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
_LATEX = {
    "\\": r"\textbackslash{}",
    "±": r"$\pm$",
    "–": "--",
    "<": "$<$",
    ">": "$>$",
    "~": r"\~{}",
    "^": r"\^{}",
    # Behind the end of a table's line these would be its arguments.
    "[": "{[}",
    "*": "{*}",
} | {one: f"\\{one}" for one in "&%$#_{}"}
_MARKDOWN = [
    (re.compile(r"[\\`*\[\]|~]|(?<![^\W_])_|_(?![^\W_])"), r"\\\g<0>"),
    (re.compile(r"(?<=\])\("), r"\("),
    (re.compile(r"&(?=#|\w+;)"), "&amp;"),
    (re.compile(r"<(?=[A-Za-z/!?])"), "&lt;"),
    (re.compile(r":(?=//)"), "&#58;"),  # an address becomes a link by itself
    (re.compile(r"(?i)(?<=\bwww)\."), "&#46;"),
    (re.compile(r"^(?=[-+=#]+(?:\s|$)|>)"), r"\\"),  # lists, headings, rules, quotations
    (re.compile(r"^(\d{1,9})(?=[.)](?:\s|$))"), r"\1\\"),
]
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def visible(text: str) -> str:
    r"""Return text for a terminal: what it might obey, and what nobody sees, is written out.

    Examples
    --------
    >>> print(visible("a\x1b[31mred\nZoë"))
    a\x1b[31mred\nZoë
    """
    return _INVISIBLE.sub(lambda one: one[0].encode("unicode_escape").decode(), text)


def json_text(text: str) -> str:
    r"""Return JSON for a terminal: the same values, in which nothing is to be obeyed.

    JSON itself writes out only the first 32 characters.

    Examples
    --------
    >>> print(json_text('{"name": "a\x9b2Jë"}'))
    {"name": "a\u009b2Jë"}
    """
    return _INVISIBLE.sub(lambda one: one[0] if one[0] < " " else f"\\u{ord(one[0]):04x}", text)


def cell(text: str) -> Any:
    r"""Return text for a table of rich, which reads no markup and no emoji codes in it.

    Returns
    -------
    rich.text.Text

    Examples
    --------
    >>> cell("[red]a\a").plain
    '[red]a\\x07'
    """
    from rich.text import Text  # sentences about bad options need no rich

    return Text(visible(text))


def command(words: list[str]) -> str:
    r"""Return a command line that a shell takes as it is shown.

    Examples
    --------
    >>> print(command(["ariigcn", "train", "--out", "my run", "a\x1b'b"]))
    ariigcn train --out 'my run' $'a\x1b\'b'
    """
    return " ".join(map(_word, words))


def _word(word: str) -> str:
    if not _INVISIBLE.search(word):
        return shlex.quote(word)
    quoted = word.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{_INVISIBLE.sub(lambda one: _bytes(one[0]), quoted)}'"


def _bytes(letter: str) -> str:
    # Bytes of a path that are no UTF-8 are half surrogate pairs in Python.
    errors = "surrogateescape" if "\udc80" <= letter <= "\udcff" else "surrogatepass"
    return "".join(f"\\x{byte:02x}" for byte in letter.encode("utf-8", errors))


def markdown(text: str) -> str:
    r"""Return text for a paragraph, a heading or a table's cell of Markdown, on one line.

    Examples
    --------
    >>> print(markdown("a_b | <b> *c*"))
    a_b \| &lt;b> \*c\*
    """
    text = visible(" ".join(text.split()))
    for pattern, replacement in _MARKDOWN:
        text = pattern.sub(replacement, text)
    return text


def latex(text: str) -> str:
    r"""Return text for LaTeX, on one line.

    Examples
    --------
    >>> print(latex("50 % ± 2"))
    50 \% $\pm$ 2
    """
    return "".join(_LATEX.get(one, one) for one in visible(" ".join(text.split())))


def latex_comment(text: str) -> str:
    r"""Return text as a comment in LaTeX: one line, whatever it holds.

    Examples
    --------
    >>> latex_comment("a\nb")
    '% a b'
    """
    return f"% {visible(' '.join(text.split()))}"


def spreadsheet(value: Any) -> Any:
    """Return a value for a cell of CSV: text that a spreadsheet would compute begins with '.

    Numbers stay as they are.

    Examples
    --------
    >>> spreadsheet("=1+1"), spreadsheet("sad"), spreadsheet(-1.5)
    ("'=1+1", 'sad', -1.5)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def figure(text: str) -> str:
    r"""Return text for matplotlib, which reads mathematics between dollars.

    Examples
    --------
    >>> print(figure("$x$ costs"))
    \$x\$ costs
    """
    return visible(text).replace("$", r"\$")


def file_name(text: str) -> str:
    """Return text as the name of a file or folder, or a part of it: never a path.

    Letters, digits and most signs stay; it is not empty, not hidden, no option, and not too long.

    Examples
    --------
    >>> file_name("MELD (7 classes)"), file_name("../../etc"), file_name("/tmp/x"), file_name("..")
    ('MELD (7 classes)', 'etc', 'tmp_x', 'unnamed')
    """
    safe = _INVISIBLE.sub("_", text).replace("/", "_").replace("\\", "_").strip().lstrip(".-")
    short = safe.encode()[:LONGEST_NAME].decode("utf-8", "ignore")
    return short.lstrip("_.-").strip() or "unnamed"
