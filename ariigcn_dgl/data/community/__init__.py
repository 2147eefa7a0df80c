"""Import the feature files that the field passes around, without running anything in them."""

from ariigcn_dgl.data.community.importing import Comparison, Imported, import_file
from ariigcn_dgl.data.community.raw import ImportOptions
from ariigcn_dgl.data.community.unpickle import unpickle

__all__ = ["Comparison", "ImportOptions", "Imported", "import_file", "unpickle"]
