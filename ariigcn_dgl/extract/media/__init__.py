"""Sound and pictures of any recording that FFmpeg reads, by PyAV: what is heard and seen, when."""

from ariigcn_dgl.extract.media.damage import Lost
from ariigcn_dgl.extract.media.endings import SUFFIXES
from ariigcn_dgl.extract.media.pictures import pictures_at
from ariigcn_dgl.extract.media.recording import Streams, probe
from ariigcn_dgl.extract.media.sound import SAMPLE_RATE, read_sound

__all__ = ["SAMPLE_RATE", "SUFFIXES", "Lost", "Streams", "pictures_at", "probe", "read_sound"]
