"""Pictures: their look, and what a page gets of them."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from ariigcn_dgl import palette, plots
from ariigcn_dgl.plots import ACCENT, COLOURS, add_axes, cloud, dots, page_figure, save, styled, svg


@styled()
def drawn() -> Figure:
    """Return a line from corner to corner of 100 by 50 pixels, and a text."""
    figure = page_figure(100, 50)
    axis = add_axes(figure, 0, 0, 100, 50)
    axis.set_axis_off()
    axis.plot([0, 1], [0, 1], color=ACCENT)
    axis.text(0.5, 0.5, "<b> & co")
    axis.set(xlim=(0, 1), ylim=(0, 1))
    return figure


def test_axes_lie_where_the_page_wants_them() -> None:
    figure = page_figure(200, 100)
    axis = add_axes(figure, 40, 10, 190, 90)
    assert axis.get_position().bounds == pytest.approx((0.2, 0.1, 0.75, 0.8))


def test_lines_of_a_page_are_in_its_pixels_and_colours() -> None:
    picture = svg(drawn(), "a line")
    assert 'viewBox="0 0 100 50"' in picture
    assert '<path d="M0 50L100 0" style="fill: none; stroke: var(--accent); ' in picture


def test_every_colour_of_ours_becomes_a_variable_of_the_page() -> None:
    style = (files("ariigcn_dgl.report") / "assets" / "base.css").read_text(encoding="utf-8")
    light = dict(re.findall(r"--([\w-]+): (#\w+);", style.split("@media")[0]))
    light |= dict(re.findall(r"--([\w-]+):(#\w+);", palette.style().split("@media")[0]))
    assert {light[name]: name for name in plots.VARIABLES.values()} == plots.VARIABLES


def test_text_stays_text_in_the_fonts_of_the_page_and_is_escaped_once() -> None:
    picture = svg(drawn(), "")
    assert ">&lt;b&gt; &amp; co</text>" in picture
    assert "font" not in picture


def test_label_is_escaped() -> None:
    assert 'role="img" aria-label="&#34;&lt;b&gt;"' in svg(drawn(), '"<b>')


def test_same_picture_has_the_same_bytes_and_no_date() -> None:
    first, second = (svg(drawn(), "") for _ in range(2))
    assert first == second
    assert "metadata" not in first


@styled()
def test_a_thousand_dots_are_one_short_path() -> None:
    figure = page_figure(100, 100)
    dots(add_axes(figure, 0, 0, 100, 100), np.random.default_rng(0).random((1000, 2)), ACCENT, 3)
    (dotted,) = re.findall(r'd="((?:M[\d. ]+h0)+)"', svg(figure, ""))
    assert dotted.count("M") == 1000
    assert len(dotted) < 16 * 1000


@pytest.mark.parametrize("points", [[(5.0, 5.0)], [(5.0, 0.0), (5.0, 9.0)]])
def test_dots_are_seen_in_files(points: list, tmp_path: Path) -> None:
    figure = page_figure(100, 100)
    axis = add_axes(figure, 0, 0, 100, 100)
    dots(axis, points, ACCENT, 10)
    axis.set_axis_off()
    save(figure, tmp_path / "dots.png")
    red = imread(tmp_path / "dots.png")[:, :, 0]
    radius = 5 * plots.DPI / 72
    assert (red < 0.5).sum() == pytest.approx(len(points) * np.pi * radius**2, rel=0.1)


def test_groups_without_points_leave_the_others_their_colour() -> None:
    figure = page_figure(100, 100)
    axis = add_axes(figure, 0, 0, 100, 100)
    cloud(axis, np.array([(0.0, 0.0), (1.0, 1.0)]), np.array([2, 2]), COLOURS[:3], size=3)
    (patch,) = axis.patches
    assert patch.get_edgecolor()[:3] == pytest.approx(matplotlib.colors.to_rgb(COLOURS[2]))


def test_settings_of_the_user_change_nothing() -> None:
    expected = svg(drawn(), "")
    with matplotlib.rc_context({"lines.linewidth": 9, "svg.fonttype": "path", "font.size": 30}):
        assert svg(drawn(), "") == expected
        assert matplotlib.rcParams["font.size"] == 30


@pytest.mark.parametrize(
    ("kind", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_a_file_is_of_the_kind_of_its_name(kind: str, start: bytes, tmp_path: Path) -> None:
    save(drawn(), tmp_path / f"picture.{kind}")
    assert (tmp_path / f"picture.{kind}").read_bytes().startswith(start)
