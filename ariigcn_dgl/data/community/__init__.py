"""Import the feature files that the field passes around, without running anything in them."""

from ariigcn_dgl.data.community.importing import Comparison, Imported, import_file
from ariigcn_dgl.data.community.raw import ImportOptions
from ariigcn_dgl.data.community.unpickle import unpickle
from ariigcn_dgl.data.community.write import write_layout

__all__ = ["Comparison", "ImportOptions", "Imported", "import_file", "unpickle", "write_layout"]
