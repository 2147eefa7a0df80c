"""Endings of recordings, by which they are found in folders; a file that is named may have any."""

from __future__ import annotations

_FILMS = ".mp4 .mkv .webm .mov .avi .m4v .mpg .mpeg .ts .mts .m2ts .vob .flv .f4v .wmv .asf .3gp"
_FILMS += " .3g2 .ogv .mxf .dv .rm .rmvb .divx"
_SOUNDS = ".wav .mp3 .m4a .m4b .flac .ogg .oga .opus .spx .aac .ac3 .wma .amr .aif .aiff .aifc .caf"
_SOUNDS += " .au .mka .mp2 .w64 .wv .ape .sph"

SUFFIXES = (*_FILMS.split(), *_SOUNDS.split())
