"""Text from outside gives no orders, in whatever medium it is shown."""

from __future__ import annotations

import json
import subprocess

import pytest
from matplotlib.text import Text
from rich.console import Console

from ariigcn_dgl import escape


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", r"\x1b[31m"),
        ("a\x9b2J\x7f", r"a\x9b2J\x7f"),
        ("a\nb\rc\td", r"a\nb\rc\td"),
        ("a\u2028b\u202ec", r"a\u2028b\u202ec"),
        ("a\udcff", r"a\udcff"),
        ("Zoë 😀 [b] $x$", "Zoë 😀 [b] $x$"),
    ],
)
def test_what_a_terminal_obeys_or_hides_is_written_out(text: str, shown: str) -> None:
    assert escape.visible(text) == shown


def test_json_keeps_its_values_and_gives_no_orders() -> None:
    value = {"a\x9b\u2028": "b\x1b\n\x7f\ud800 Zoë"}
    written = escape.json_text(json.dumps(value, indent=1, ensure_ascii=False))
    assert json.loads(written) == value
    assert escape.visible(written.replace("\n", "")) == written.replace("\n", "")


def test_cells_hold_neither_markup_nor_emoji_codes() -> None:
    console = Console(width=40)
    with console.capture() as said:
        console.print(escape.cell("[red]a[/] :smiley: [/b"))
    assert said.get() == "[red]a[/] :smiley: [/b\n"


@pytest.mark.parametrize("word", ["my run", "it's", "a\x1b[31m'b\\c", "line\nbreak", "Zoë\u202e"])
def test_a_shell_reads_the_words_of_a_command(word: str) -> None:
    shown = escape.command(["printf", "%s", word])
    assert shown == escape.visible(shown)
    done = subprocess.run(["bash", "-c", shown], capture_output=True, check=True)
    assert done.stdout.decode() == word


def test_a_shell_reads_bytes_that_are_no_text() -> None:
    done = subprocess.run(
        ["bash", "-c", escape.command(["printf", "%s", "a\udcff"])], capture_output=True, check=True
    )
    assert done.stdout == b"a\xff"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a | b\nc", r"a \| b c"),
        ("<script>1</script>", "&lt;script>1&lt;/script>"),
        ("[l](javascript:1)", r"\[l\]\(javascript:1)"),
        ("![i](x)", r"!\[i\]\(x)"),
        ("`x` *y* ~~z~~", r"\`x\` \*y\* \~\~z\~\~"),
        ("_a_ and b_c", r"\_a\_ and b_c"),
        ("http://x www.y.z", "http&#58;//x www&#46;y.z"),
        ("&lt; R&D", "&amp;lt; R&D"),
        ("# a", r"\# a"),
        ("- a", r"\- a"),
        ("1. a", r"1\. a"),
        ("> a", r"\> a"),
        ("-1.5 < 0.001", "-1.5 < 0.001"),
        ("\x1b[31m", r"\\x1b\[31m"),
    ],
)
def test_markdown_has_no_syntax_of_a_name(text: str, written: str) -> None:
    assert escape.markdown(text) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (r"\input{x}", r"\textbackslash{}input\{x\}"),
        ("a & b_c # 5 %", r"a \& b\_c \# 5 \%"),
        ("a\nb", "a b"),
        ("[2cm] *", "{[}2cm] {*}"),
        ("~^", r"\~{}\^{}"),
        ("1 ± 2 – < >", r"1 $\pm$ 2 -- $<$ $>$"),
        ("a\x1b", r"a\textbackslash{}x1b"),
    ],
)
def test_latex_has_no_command_of_a_name(text: str, written: str) -> None:
    assert escape.latex(text) == written


def test_a_comment_of_latex_stays_one_line() -> None:
    assert escape.latex_comment("a\n\\end{document}\rb\u2028") == "% a \\end{document} b"


@pytest.mark.parametrize("first", "=+-@\t\r\n＝")
def test_a_cell_of_csv_is_no_formula(first: str) -> None:
    assert escape.spreadsheet(f"{first}cmd|' /C calc'!A0") == f"'{first}cmd|' /C calc'!A0"


@pytest.mark.parametrize("value", [-1, -1.5, None, "sad", "a=b", "–"])
def test_other_cells_of_csv_stay_as_they_are(value: object) -> None:
    assert escape.spreadsheet(value) == value


@pytest.mark.parametrize("text", ["$\\x$", "$$", "costs $5", "a\\$b$c$", "{$"])
def test_figures_read_no_mathematics(text: str) -> None:
    drawn, is_mathematics = Text()._preprocess_math(escape.figure(text))
    assert (drawn, is_mathematics) == (text, False)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("IEMOCAP 6-way", "IEMOCAP 6-way"),
        ("Gespräche_2.1", "Gespräche_2.1"),
        ("/tmp/x/y", "tmp_x_y"),
        ("../../../escaped", "escaped"),
        ("a/../../b", "a_.._.._b"),
        ("..", "unnamed"),
        ("", "unnamed"),
        (" \n\0", "unnamed"),
        ("-rf", "rf"),
        (".hidden", "hidden"),
        ("a\0b\x1bc\ud800", "a_b_c_"),
        ("é" * 300, "é" * 50),
    ],
)
def test_a_name_of_data_is_no_path(text: str, name: str) -> None:
    assert escape.file_name(text) == name
