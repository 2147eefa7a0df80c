"""Every target by its name."""

from __future__ import annotations

from fuzz.command_line import CommandLine
from fuzz.operators.native import Native
from fuzz.operators.public import Constructors, Public
from fuzz.readers.community import Folders, Pickles
from fuzz.readers.data_sets import Archive, Plain, Resealed, Sealed, Shards
from fuzz.readers.media import Media
from fuzz.readers.reader import Reader
from fuzz.readers.settings import Config, Records, Studies
from fuzz.readers.state import Resealed as ResealedState
from fuzz.readers.state import State
from fuzz.readers.stream import Lines
from fuzz.readers.subtitles import Subtitles
from fuzz.readers.transcripts import Transcripts
from fuzz.target import Target

READERS: tuple[type[Reader], ...] = (
    *(Pickles, Folders, Archive, Plain, Sealed, Resealed, Shards),
    *(Subtitles, Transcripts, Lines, Config, Studies, Records, Media, State, ResealedState),
)
OTHERS: tuple[type[Target], ...] = (Native, Public, Constructors, CommandLine)
TARGETS: dict[str, type[Target]] = {target.name: target for target in (*READERS, *OTHERS)}
