"""WhatsApp's chats, exported by Android and iOS or copied in a browser, in any language."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.notes import Note
from ariigcn_dgl.transcripts.blocks import speakers_of
from ariigcn_dgl.transcripts.cue import Cue
from ariigcn_dgl.transcripts.source import DIRECTIONS, Source

_SPACE = r"[ \u00a0\u2009\u202f]"
_BETWEEN = rf"[\u200e\u200f]?[./-]{_SPACE}?"
_DATE = (
    rf"(?:\d{{1,4}}{_BETWEEN}\d{{1,4}}{_BETWEEN}\d{{1,4}}\.?(?:{_SPACE}г\.)?"
    rf"|\d{{4}}[年년]{_SPACE}?\d{{1,2}}[月월]{_SPACE}?\d{{1,2}}[日일])[\u200e\u200f]?"
)
# Words beside the time: at, klo, kl., um ... Uhr, AM, p. m., 上午.
_BEFORE = rf"(?:[^\W\d_]{{1,6}}\.?{_SPACE}?)?"
_AFTER = rf"(?:{_SPACE}?[^\W\d_]{{1,6}}\.?(?:{_SPACE}?[^\W\d_]{{1,6}}\.?)?)?"
_TIME = rf"{_BEFORE}\d{{1,2}}(?:[:.]|{_SPACE}?h{_SPACE}?)\d{{2}}(?:[:.]\d{{2}})?{_AFTER}"
_STAMP = rf"{_DATE}[,،]?{_SPACE}{{0,3}}{_TIME}"
_COPIED = rf"{_TIME}[,،]{_SPACE}?{_DATE}"
_IOS = rf"\[({_STAMP}|{_COPIED})\]{_SPACE}?"
_ANDROID = rf"({_STAMP}|{_COPIED}){_SPACE}[-–—]{_SPACE}"
_NOON = rf"(?:{_SPACE}?[AaPp]\.?{_SPACE}?[Mm]\.?)?"
_OLD = rf"({_DATE}[,،]?{_SPACE}\d{{1,2}}[:.]\d{{2}}(?:[:.]\d{{2}})?{_NOON}):{_SPACE}"
_HEAD = re.compile(rf"[{DIRECTIONS}]*(?:{_IOS}|{_ANDROID}|{_OLD})(.*)", re.DOTALL)
_MOST_KINDS, _MOST_ONCE = 4, 20  # of what has no words, in notes
# Sentences of the program about people quote what they say, with colons; in names quotation marks
# are within a word, as in Hebrew, or around one.
_QUOTED = (
    r'"[^":\n]{1,40}"|“[^“”:\n]{1,40}”|„[^„“”:\n]{1,40}[“”]|«[^«»:\n]{1,40}»|(?<=\w)["”](?=\w)'
)
_NAMED = re.compile(rf'((?:{_QUOTED}|[^:"“”„«»\n]){{1,80}}?):(?:[ \u00a0]|$)(.*)', re.DOTALL)

# What follows the time in logs of IRC: <ann> hi; * ann waves.
_OF_IRC = re.compile(r"<[@+%&~ ]?\S{1,40}>\s|\*\s+\S+\s")

_REMARK = re.compile(r"\u200e?<[^<>]{3,40}>$")
_DOCUMENT = re.compile(r".* • \u200e?\d+ \S+ \u200e?[^•]*")  # report • 2 pages document omitted
_KINDS = (  # of files that are sent
    "jpe?g|png|gif|webp|heic|bmp|mp4|mov|3gp|mkv|avi|webm|opus|m4a|mp3|aac|ogg|wav|amr|flac|pdf|docx?"
    "|xlsx?|pptx?|odt|ods|odp|rtf|txt|csv|zip|rar|7z|gz|vcf|apk|html?|epub|json|xml"
)
_OMITTED = re.compile(
    r"null"
    r"|(?:image|video|audio|sticker|gif|document|contact card|video note|voice message) omitted"
    r"|(?:this message was deleted|you deleted this message"
    r"|(?:this message was )?deleted by admin.*"
    r"|missed (?:group )?(?:voice|video) call(?: at [\d:.]+)?(?:\.? (?:tap|click) to call back)?"
    r"|waiting for this message(?:\. this may.*)?|messages and calls are end-to-end encrypted.*"
    r"|messages to this (?:chat|group).*end-to-end encryption.*"
    # de, es, fr, it, pt, nl, pl, tr, ru
    r"|diese nachricht wurde gelöscht|du hast diese nachricht gelöscht"
    r"|verpasster (?:sprach|video)anruf"
    r"|se eliminó este mensaje|este mensaje fue eliminado|eliminaste este mensaje"
    r"|(?:video)?llamada(?: de voz| grupal)? perdida"
    r"|ce message a été supprimé|vous avez supprimé ce message|appel (?:vocal|vidéo) manqué"
    r"|questo messaggio è stato eliminato|hai eliminato questo messaggio"
    r"|(?:chiamata vocale|videochiamata) persa"
    r"|mensagem apagada|(?:esta|essa) mensagem foi apagada|você apagou esta mensagem"
    r"|chamada de (?:voz|vídeo) perdida"
    r"|dit bericht is verwijderd|je hebt dit bericht verwijderd|gemiste (?:spraak|video-?)oproep"
    r"|ta wiadomość została usunięta|usunięto tę wiadomość"
    r"|bu mesaj silindi|bu mesajı sildiniz"
    r"|данное сообщение удалено|вы удалили данное сообщение|пропущенный (?:аудио|видео)звонок)\.?",
    re.IGNORECASE,
)
# What may be said as well: <Media omitted> or <sigh>, IMG-1.jpg (file attached) or the.pdf (new).
_TAG = re.compile(r"<[^<>\n]{3,60}>")
_FILE = re.compile(rf"(\S[^\n]*)\.(?:{_KINDS}) (\([^()\n]{{3,40}}\))", re.IGNORECASE)
# It is the program's in these words (en, de, es, fr, it, pt, nl, pl, tr, ru), or where it recurs.
_OF_PROGRAM = re.compile(
    rf"<[^<>:]{{3,30}}: [^<>]+\.(?:{_KINDS})>"
    r"|<(?:media omitted|this message was edited|medien ausgeschlossen|medien weggelassen"
    r"|(?:multimedia|archivo|medios?) omitid[oa]s?|médias? omis|media omessi|file omesso"
    r"|mídia oculta|arquivo de mídia oculto|ficheiro não revelado|media weggelaten"
    r"|pominięto multimedia|multimedia pominięte|medya (?:dahil edilmedi|atlanmış)"
    r"|без медиафайлов|медиафайл пропущен)>"
    r"|\((?:file attached|datei angehängt|archivo adjunto|fichier joint|file allegato"
    r"|(?:arquivo|ficheiro) anexado|bestand bijgevoegd|plik załączony|załączono plik"
    r"|dosya ekli|файл добавлен)\)",
    re.IGNORECASE,
)


class _Omission(NamedTuple):
    """What stands for a picture, a call ...: its kind, as it is written, and in which line."""

    kind: str
    text: str
    line: int


class _Message(NamedTuple):
    when: str
    name: str
    text: str
    line: int


def is_whatsapp(source: Source) -> bool:
    """Whether a file's first lines begin as WhatsApp's messages do: one of five, or several.

    Logs of other programs begin so, too: IRC's have ``<ann>`` behind the time, and in Discord's
    who speaks stands alone behind it.
    """
    first = [line for line in source.marked_lines[:400] if line.strip()][:60]
    heads = [_HEAD.match(line) for line in first]
    found = [head for head in heads if head]
    if not any(heads[:5]) and len(found) < 3:
        return False
    if 2 * sum(bool(_OF_IRC.match(head[4])) for head in found) > len(found):
        return False
    # In brackets, as iOS writes them, even the program's own lines have a name.
    return not all(head[1] for head in found) or _names_somebody(source)


def _names_somebody(source: Source) -> bool:
    heads = map(_HEAD.match, source.marked_lines)
    return any(head and _NAMED.match(head[4].lstrip(DIRECTIONS)) for head in heads)


def read_whatsapp(source: Source, note: Note) -> list[Cue]:
    """Return the messages that say something; what the program says itself is counted.

    Messages of several lines are one utterance. ``when`` is date and time as the file writes them:
    whether 03/04 is in March or April it does not say.

    Raises
    ------
    InputError
        If nobody says anything.
    """
    cues: list[Cue] = []
    omitted: list[_Omission] = []
    system: list[_Message] = []
    remarks = 0
    messages = list(_messages(source, note))
    recurring = _recurring(messages)
    for message in messages:
        if not message.name:
            system.append(message)
            continue
        text, has_remark = _without_remark(message.text)
        remarks += has_remark
        words, what = _words(text, recurring)
        if what:
            omitted.append(_Omission(_kind(what), what, message.line))
        if words:
            cues.append(Cue(message.name, words, when=message.when))
    _tell(source, cues, omitted, system, remarks, note)
    if not cues:
        raise InputError(f"{source.path}: a chat in which nobody says anything")
    return cues


def _messages(source: Source, note: Note) -> Iterator[_Message]:
    """Yield the messages; lines without a date go on with the one before."""
    lines = source.marked_lines
    heads = [(n, found) for n, line in enumerate(lines) if (found := _HEAD.match(line))]
    before = [line for line in lines[: heads[0][0]] if line.strip(DIRECTIONS + " ")]
    if before:
        note(f"{source.path}: line 1: {len(before)} lines before the first message are left out")
    ends = [n for n, _ in heads[1:]] + [len(lines)]
    for (number, head), end in zip(heads, ends, strict=True):
        when = " ".join((head[1] or head[2] or head[3]).split())
        body = "\n".join([head[4], *lines[number + 1 : end]])
        named = _NAMED.match(body.lstrip(DIRECTIONS))
        name = " ".join(named[1].strip(DIRECTIONS + "~ \u00a0\u202f").split()) if named else ""
        yield _Message(when, name, named[2] if named and name else body, number + 1)


def _without_remark(text: str) -> tuple[str, bool]:
    """Return a message without the remark that it was edited, or has a picture."""
    found = _REMARK.search(text)
    if not found or not text[: found.start()].strip(DIRECTIONS + " \n"):
        return text, False
    if "\u200e" not in found[0] and "edited" not in found[0]:
        return text, False
    return text[: found.start()], True


def _recurring(messages: list[_Message]) -> frozenset[str]:
    """Return what stands in brackets <...>, or behind a file's name, in several messages."""
    firsts = (_joined(one.text.partition("\n")[0]) for one in messages if one.name)
    counts = Counter(remark for first in firsts if (remark := _bracketed(first)))
    return frozenset(remark for remark, count in counts.items() if count > 1)


def _bracketed(line: str) -> str:
    if _TAG.fullmatch(line):
        return line
    found = _FILE.fullmatch(line)
    return found[2] if found else ""


def _kind(what: str) -> str:
    """Return what stands for something, without the name of a file."""
    if found := _FILE.fullmatch(what):
        return f"... {found[2]}"
    return re.sub(r"(?<=: )[^<>]+(?=>$)", "...", what)


def _words(text: str, recurring: frozenset[str]) -> tuple[str, str]:
    """Return the words of a message, and what stands in it for a picture, a call ...

    Below a picture its title may stand; below a document stands its name once more.
    """
    first, _, rest = text.partition("\n")
    what, below = _omission(first, recurring), _joined(rest)
    if not what:
        words = _joined(text)
        return words, "" if words else "nothing"
    repeated = bool(below) and _joined(first).startswith(below)
    return "" if repeated else below, what


def _omission(line: str, recurring: frozenset[str]) -> str:
    """Return what stands for a picture, a call or a deleted message; nothing where words do."""
    plain = _joined(line)
    # iOS puts a mark before what it says itself, in whatever language.
    if line.startswith("\u200e") or _DOCUMENT.fullmatch(plain) or _OMITTED.fullmatch(plain):
        return plain
    remark = _bracketed(plain)
    is_program = remark in recurring or _OF_PROGRAM.fullmatch(remark) or _is_own_name(plain)
    return plain if remark and is_program else ""


def _is_own_name(line: str) -> bool:
    """Whether a file has a name without spaces and with digits, as WhatsApp gives them."""
    found = _FILE.fullmatch(line)
    name = found[1] if found else ""
    return " " not in name and any(map(str.isdigit, name))


def _joined(text: str) -> str:
    return " ".join(text.strip(DIRECTIONS + " \n").split())


def _tell(
    source: Source,
    cues: list[Cue],
    omitted: list[_Omission],
    system: list[_Message],
    remarks: int,
    note: Note,
) -> None:
    path = source.path
    note(f"{path}: a WhatsApp chat of {len(cues)} messages, {speakers_of(cues)}")
    _tell_omitted(source, omitted, note)
    if system:
        first = system[0]
        note(
            f"{path}: {len(system)} lines are by WhatsApp, not by people, and left out; the first "
            f"is line {first.line}: {_short(_joined(first.text))!r}"
        )
    if remarks:
        note(f"{path}: {remarks} messages end with a remark <...> of WhatsApp, which is left out")


def _tell_omitted(source: Source, omitted: list[_Omission], note: Note) -> None:
    if not omitted:
        return
    counts = Counter(one.kind for one in omitted)
    texts = {one.kind: one.text for one in omitted}
    shown = counts.most_common(_MOST_KINDS)
    kinds = ", ".join(f"{n} {_short(texts[x] if n == 1 else x)!r}" for x, n in shown)
    more = ", ..." if len(counts) > _MOST_KINDS else ""
    note(
        f"{source.path}: {len(omitted)} pictures, deleted messages and other things without words "
        f"are left out: {kinds}{more}"
    )
    # What is there once may be words after all.
    hidden = counts.keys() - dict(shown).keys()
    once = [one for one in omitted if one.kind in hidden and counts[one.kind] == 1]
    if once:
        listed = ", ".join(f"line {x.line}: {_short(x.text)!r}" for x in once[:_MOST_ONCE])
        more = ", ..." if len(once) > _MOST_ONCE else ""
        note(f"{source.path}: of these, {len(once)} more are there once: {listed}{more}")


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
