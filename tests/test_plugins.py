"""Names of classes: our own, of installed packages, of modules that were agreed to."""

from __future__ import annotations

import sys

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models import MLP, SYSTEMS
from ariigcn_dgl.plugins import Registry, agree, agreed, origin, plugins_named
from tests.plugin_packages import MY_SYSTEM, Packages

ENTRY = "[ariigcn_dgl.systems]\nmine = my_module:MySystem\n"


def refusal(registry: Registry, name: str) -> str:
    with pytest.raises(InputError) as error:
        registry[name]
    return str(error.value)


def test_module_that_nobody_agreed_to_is_not_imported(packages: Packages) -> None:
    packages.add("my_module", "raise SystemExit('this ran')")
    said = refusal(SYSTEMS, "my_module:MySystem")
    assert (
        "add --plugins my_module, or in Python call ariigcn_dgl.plugins.agree('my_module')" in said
    )
    assert "my_module" not in sys.modules


def test_module_that_was_agreed_to_gives_its_class(packages: Packages) -> None:
    packages.add("my_module", MY_SYSTEM)
    agree("my_module")
    assert SYSTEMS["my_module:MySystem"].__name__ == "MySystem"


def test_agreeing_to_a_class_is_agreeing_to_its_module() -> None:
    agree("one.two:Three")
    assert "one.two" in agreed()


def test_agreeing_imports_nothing(packages: Packages) -> None:
    packages.add("my_module", "raise SystemExit('this ran')")
    agree("my_module")
    assert "my_module" not in sys.modules


def test_entry_point_of_an_installed_package_is_found_by_name(packages: Packages) -> None:
    packages.add("my_module", MY_SYSTEM)
    packages.install("my-package", "1.2", "my_module", ENTRY)
    assert SYSTEMS.names[-1] == "mine"
    assert "my_module" not in sys.modules  # names are known without it
    assert SYSTEMS["mine"].__module__ == "my_module"


def test_entry_point_cannot_take_one_of_our_names(packages: Packages) -> None:
    packages.add("my_module", MY_SYSTEM)
    packages.install("my-package", "1.2", "my_module", ENTRY.replace("mine", "mlp"))
    assert SYSTEMS["mlp"] is MLP


def test_two_packages_of_one_name_are_refused(packages: Packages) -> None:
    packages.add("my_module", MY_SYSTEM)
    packages.install("my-package", "1.2", "my_module", ENTRY)
    packages.install("other", "0.1", "my_module", ENTRY.replace("MySystem", "Other"))
    assert "uninstall all but one" in refusal(SYSTEMS, "mine")


def test_class_is_remembered_with_its_distribution(packages: Packages) -> None:
    packages.add("my_module", MY_SYSTEM)
    packages.install("my-package", "1.2", "my_module")
    agree("my_module")
    assert origin(SYSTEMS, "my_module:MySystem") == {
        "what": "system",
        "named": "my_module:MySystem",
        "module": "my_module",
        "qualname": "MySystem",
        "distribution": "my-package",
        "version": "1.2",
    }


def test_file_of_no_package_has_no_distribution(packages: Packages) -> None:
    packages.add("my_module", MY_SYSTEM)
    agree("my_module")
    (found,) = plugins_named(SYSTEMS, ["mlp", "my_module:MySystem"])  # ours needs no word
    assert (found["module"], found["distribution"]) == ("my_module", None)


def test_class_of_python_code_is_called_as_on_the_command_line(packages: Packages) -> None:
    class Mine(MLP):
        pass

    name = SYSTEMS.register(Mine)
    assert name.startswith("tests.test_plugins:") or name.startswith("test_plugins:")
    assert SYSTEMS[name] is Mine
    del SYSTEMS[name]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no MySystem"),
        ("MySystem = 3", "the system my_module:MySystem is 3, expected a subclass of ariigcn_dgl."),
        ("1 / 0", "my_module cannot be imported (ZeroDivisionError: division by zero)"),
        ("import no_such", "(ModuleNotFoundError: No module named 'no_such')"),
        ("def (", "my_module cannot be imported (SyntaxError: "),
    ],
)
def test_what_is_wrong_with_a_module_is_said(packages: Packages, text: str, words: str) -> None:
    packages.add("my_module", text)
    agree("my_module")
    assert words in refusal(SYSTEMS, "my_module:MySystem")


def test_module_in_the_working_folder_is_pointed_at(
    packages: Packages, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages.add("my_module", MY_SYSTEM)
    monkeypatch.setattr(sys, "path", [x for x in sys.path if x not in ("", str(packages.folder))])
    monkeypatch.chdir(packages.folder)
    agree("my_module")
    assert refusal(SYSTEMS, "my_module:MySystem") == (
        "my_module cannot be imported (No module named 'my_module'); it lies in this folder: put "
        "PYTHONPATH=. before the command"
    )


def test_near_name_is_proposed() -> None:
    assert refusal(SYSTEMS, "bigr").endswith("or module:Class; did you mean 'bigru'?")


def test_names_of_this_package_cannot_be_taken() -> None:
    colours = Registry("colour", int, {"red": int})
    with pytest.raises(InputError, match=r"^red is a colour of ariigcn_dgl: choose another name"):
        colours["red"] = bool
    assert colours["red"] is int


@pytest.mark.parametrize("kind", [str, 3])
def test_class_of_another_kind_is_refused_where_it_is_added(kind: object) -> None:
    colours = Registry("colour", int, {})
    with pytest.raises(InputError, match=r"expected a subclass of builtins\.int"):
        colours["red"] = kind


def test_class_in_place_of_its_name_is_refused() -> None:
    colours = Registry("colour", int, {"red": int})
    with pytest.raises(InputError, match="the colour is <class 'bool'>, expected a name"):
        colours[bool]
