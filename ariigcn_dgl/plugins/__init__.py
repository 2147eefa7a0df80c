"""Classes of other packages under the names of settings: systems, fusions, losses, encoders.

A name is looked up among those of this package, then among the entry points of installed packages,
then as ``module:Class``. Installed packages are software that somebody chose to install. A module
that a run folder or a study names is text in a file, and importing it would run whatever lies there
under that name: it is imported only where the user names it, too (`agree`, ``--plugins``).
"""

from ariigcn_dgl.plugins.consent import NAME, NotAgreedError, agree, agreed, option
from ariigcn_dgl.plugins.origins import (
    Origin,
    differences,
    origin,
    plugins_named,
    plugins_of,
    require,
)
from ariigcn_dgl.plugins.registry import Registered, Registry, culprit, is_own

__all__ = [
    "NAME",
    "NotAgreedError",
    "Origin",
    "Registered",
    "Registry",
    "agree",
    "agreed",
    "culprit",
    "differences",
    "is_own",
    "option",
    "origin",
    "plugins_named",
    "plugins_of",
    "require",
]
