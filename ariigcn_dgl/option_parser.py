"""A parser of options that come from the command line and from files, and from nowhere else."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, NoReturn, cast

from jsonargparse import ArgumentParser, _actions

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.near import did_you_mean

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

# Of jsonargparse a wrong value has no structure but a text, 'Parser key "NAME":' and the reason,
# and types are written as Python does: the least of it that must be taken apart stands here.
_NAME, _VALUE = 'Parser key "', ". Got value: "
_REQUIRED = "the following arguments are required: "
UNKNOWN = "unrecognized arguments: "
_CHOICE = re.compile(r"invalid choice: '(?P<word>.*?)' \(choose from (?P<known>.*)\)")
_GROUP = re.compile(r"Group '(?P<group>.*)' does not accept option '(?P<word>.*)'")
_SETTING = re.compile(r"Option '(?P<word>.*)' is not accepted")
_WORDS = {
    f"a {bool}": "true or false",
    f"a {int}": "an integer",
    f"a {float}": "a number",
    f"a {str}": "text",
    f"a {tuple}": "a list",
    f"a {dict}": "settings by name",
    "a typing.Literal": "one of ",
}


def _as_it_is(action: object, value: object) -> object:
    """Return a group's value unchanged; see below."""
    return value


# jsonargparse imports what a file names by ``class_path``, or by a text like "module.Class", in the
# place of a group of settings, to see whether it is the group's own class. What a file names is not
# to be imported (SECURITY.md); what is no group of settings is refused all the same.
cast("Any", _actions._ActionConfigLoad).resolve_subclass_spec = _as_it_is


class OptionParser(ArgumentParser):
    """Is given no option by the environment, whatever ``JSONARGPARSE_DEFAULT_ENV`` says.

    What is wrong is one sentence of an `InputError`. Help that cannot be written raises OSError,
    where argparse would keep silent.
    """

    @property
    def default_env(self) -> bool:
        """Never: a variable that somebody set elsewhere would change a run in silence."""
        return False

    @default_env.setter
    def default_env(self, default_env: bool) -> None:
        self._default_env = False

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        stream = file or sys.stderr
        if message and stream is not None:  # a shell may have closed it
            stream.write(message)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise `InputError`, which names the option, its value and what was expected."""
        raise InputError(self._sentence(message, ex)) from ex

    def _sentence(self, message: str, error: BaseException | None) -> str:
        missing = message.removeprefix(_REQUIRED)
        if missing != message:
            return _REQUIRED + ", ".join(map(self._written, missing.split(", ")))
        if _NAME not in message:
            return _one_line(message) + self._near(message)
        name = message.rpartition(_NAME)[2].partition('"')[0]  # the last: of settings within others
        while error is not None and error.__cause__ is not None:
            error = error.__cause__  # the innermost: of a union, what its first type expected
        reason = str(error or message).rpartition(f'{_NAME}{name}":')[2]
        return f"{self._written(name)}: {_reason(_one_line(reason))}"

    def _near(self, message: str) -> str:
        """Return what the name may have been meant for that a message finds unknown."""
        if message.startswith(UNKNOWN):
            words = message.removeprefix(UNKNOWN).split(" ")
            wrong = next((one.partition("=")[0] for one in words if one.startswith("--")), "")
            return did_you_mean(wrong, self.long_options())
        if found := _CHOICE.search(message):
            return did_you_mean(found["word"], re.findall(r"[\w.-]+", found["known"]))
        settings = [action.dest for action in self._actions]
        if found := _GROUP.search(message):
            return did_you_mean(f"{found['group']}.{found['word']}", settings)
        if found := _SETTING.search(message):
            return did_you_mean(found["word"], settings)
        return ""

    def long_options(self) -> list[str]:
        """Return the options as they are given, ``--name``."""
        given = (name for action in self._actions for name in action.option_strings)
        return [name for name in given if name.startswith("--")]

    def _written(self, name: str) -> str:
        """Return how an argument is given: by its name, or as --name."""
        positional = any(x.dest == name and not x.option_strings for x in self._actions)
        return name if positional else f"--{name}"


def _reason(text: str) -> str:
    for written, words in _WORDS.items():
        text = text.replace(written, words)
    expected, found, value = text.rpartition(_VALUE)
    if not found:
        return text
    near = did_you_mean(value, re.findall(r"'([^']*)'", expected))
    return f"is {value}, {expected[:1].lower()}{expected[1:]}{near}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
