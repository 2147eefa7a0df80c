"""A run is worked on by one process, and by another one where that is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments import leases as module
from ariigcn_dgl.experiments.leases import Lease, Leases


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return what lets time go by, for everybody of this process."""
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])

    def go_by(seconds: float) -> None:
        now[0] += seconds

    return go_by


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what makes this process one of another machine than those before."""
    machines = iter("bcdef")
    monkeypatch.setattr(module, "_machine", lambda: "a")

    def move() -> None:
        name = next(machines)
        monkeypatch.setattr(module, "_machine", lambda: name)

    return move


def _content(lease: Lease) -> dict[str, Any]:
    return json.loads(lease.path.read_bytes())


def test_a_run_that_is_held_cannot_be_taken(tmp_path: Path) -> None:
    lease = Leases(tmp_path).acquire("a")
    assert Leases(tmp_path).acquire("a") is None
    assert Leases(tmp_path).acquire("b") is not None
    lease.release()
    assert Leases(tmp_path).acquire("a").path.name == "a.2"
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.2", "b.1"]


def test_a_lease_says_who_holds_it(tmp_path: Path) -> None:
    lease = Leases(tmp_path).acquire("a")
    assert list(_content(lease)["holders"]) == [str(os.getpid())]
    assert _content(lease)["host"] == os.uname().nodename


def test_a_holder_that_is_heard_of_keeps_its_run(
    tmp_path: Path, clock: Callable, elsewhere: Callable
) -> None:
    lease = Leases(tmp_path).acquire("a")
    elsewhere()
    others = Leases(tmp_path)
    for _ in range(5):
        assert others.acquire("a") is None
        clock(module.LOST_SECONDS - 1)
        assert lease.beat()


def test_a_holder_that_is_not_heard_of_loses_its_run(
    tmp_path: Path, clock: Callable, elsewhere: Callable
) -> None:
    lease = Leases(tmp_path).acquire("a")
    elsewhere()
    others = Leases(tmp_path)
    assert others.acquire("a") is None
    clock(module.LOST_SECONDS)
    assert others.acquire("a") is None
    clock(1)
    taken = others.acquire("a")
    assert taken.lost == 1
    assert not lease.beat()
    assert taken.beat()
    lease.release()  # changes nothing
    assert Leases(tmp_path).acquire("a") is None


def test_clocks_and_times_of_files_are_not_looked_at(
    tmp_path: Path, clock: Callable, elsewhere: Callable
) -> None:
    lease = Leases(tmp_path).acquire("a")
    os.utime(lease.path, (0, 0))  # an hour, or half a century, behind
    elsewhere()
    others = Leases(tmp_path)
    assert others.acquire("a") is None
    assert lease.beat()
    os.utime(lease.path, (2e9, 2e9))
    clock(module.LOST_SECONDS + 1)
    assert others.acquire("a") is None  # another beat than before
    clock(module.LOST_SECONDS + 1)
    assert others.acquire("a") is not None


def test_a_dead_process_of_this_machine_is_known_to_be_lost_at_once(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from ariigcn_dgl.experiments.leases import Leases"
    take = f"{code}; Leases(Path(sys.argv[1])).acquire('a')"
    subprocess.run([sys.executable, "-c", take, tmp_path], check=True)
    assert Leases(tmp_path).acquire("a").lost == 1


def test_of_two_who_take_a_lost_run_one_gets_it(
    tmp_path: Path, clock: Callable, elsewhere: Callable
) -> None:
    Leases(tmp_path).acquire("a")
    elsewhere()
    several = [Leases(tmp_path) for _ in range(3)]
    assert [one.acquire("a") for one in several] == [None] * 3
    clock(module.LOST_SECONDS + 1)
    assert sum(one.acquire("a") is not None for one in several) == 1


def test_who_comes_late_with_an_old_number_is_not_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        Leases(tmp_path).acquire("a").release()
    Leases(tmp_path).acquire("a")
    (tmp_path / "a.1").write_bytes(b'{"free": true}')  # what it read before it was held up
    highest, seen = module._highest, iter([1])
    monkeypatch.setattr(
        module, "_highest", lambda folder, key: next(seen, None) or highest(folder, key)
    )
    assert Leases(tmp_path).acquire("a") is None
    assert not (tmp_path / "a.2").exists()


def test_how_often_a_run_was_lost_is_counted_until_it_is_given_back(
    tmp_path: Path, clock: Callable, elsewhere: Callable
) -> None:
    for lost in range(3):
        others = Leases(tmp_path)
        if lost:
            assert others.acquire("a") is None
            clock(module.LOST_SECONDS + 1)
        lease = others.acquire("a")
        assert lease.lost == lost
        elsewhere()
    lease.lost = 0
    lease.release()
    assert Leases(tmp_path).acquire("a").lost == 0


def test_a_lease_that_is_just_being_written_is_somebodys(tmp_path: Path) -> None:
    (tmp_path / "a.1").touch()
    assert Leases(tmp_path).acquire("a") is None


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "leases").touch()
    with pytest.raises(InputError, match=r"leases: cannot be created: "):
        Leases(tmp_path / "leases").acquire("a")


def test_another_process_with_the_number_of_a_dead_one_is_no_holder(tmp_path: Path) -> None:
    lease = Leases(tmp_path).acquire("a")
    lease.holders = {str(os.getpid()): "another time"}
    assert lease.beat()
    assert Leases(tmp_path).acquire("a") is not None


@pytest.mark.parametrize("content", [b"\xff", b"[1]", b'{"holders": 3}', b'{"lost": "often"}'])
def test_a_damaged_lease_is_somebodys_until_nothing_is_heard(
    tmp_path: Path, clock: Callable, content: bytes
) -> None:
    (tmp_path / "a.1").write_bytes(content)
    leases = Leases(tmp_path)
    assert leases.acquire("a") is None
    clock(module.LOST_SECONDS + 1)
    assert leases.acquire("a").lost == 1
