"""Pages to look at: what a run learnt, and what it says about conversations."""

from ariigcn_dgl.report.conversation import Utterance
from ariigcn_dgl.report.timeline import timeline_html

__all__ = ["Utterance", "timeline_html"]
