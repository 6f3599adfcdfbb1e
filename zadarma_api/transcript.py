"""What Zadarma's speech recognition says of a recording.

Source: https://zadarma.com/en/support/api/ (Speech recognition). In what unit times are is not written there: they are
taken for seconds. Which channel is whose is not written either, so that speakers have numbers and no names.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any

PATH = "/v1/speech_recognition/"

# A pause that is longer than this, in seconds, begins a new line.
_PAUSE = 1.0
# A pause for breath does where Zadarma begins something new, or where the line got as long as this, in characters;
# at twice the length it ends in any case.
_BREATH, _LINE_LENGTH = 0.25, 160
_MAX_WORDS, _MAX_WORD_LENGTH, _MAX_PHRASE_LENGTH = 50_000, 100, 2_000
_LONGEST = 24 * 3600


class Recognition(str, Enum):
    """How far the recognition of a recording is."""

    READY = "ready for recognize"  # nobody asked for it yet
    IN_PROGRESS = "in progress"
    RECOGNIZED = "recognized"
    FAILED = "error"
    UNAVAILABLE = "not available for recognize"
    UNKNOWN = ""  # a word that was not seen before


@dataclass(frozen=True)
class Line:
    """Something that one speaker said in one go.

    :ivar start: seconds from the beginning of the recording, none where only phrases without times came.
    :ivar speaker: the channel's number, 0 where there is none.
    """

    start: float | None
    speaker: int
    text: str


@dataclass(frozen=True)
class Transcript:
    """The answer to a question for a transcript."""

    recognition: Recognition
    lines: tuple[Line, ...] = field(default=())


@dataclass(frozen=True)
class _Word:
    start: float
    end: float
    text: str
    group: int


def parse_transcript(answer: Mapping[str, Any]) -> Transcript:
    """Read the answer of the GET method, whatever is in it."""
    try:
        recognition = Recognition(str(answer.get("recognitionStatus") or "").strip().lower())
    except ValueError:
        recognition = Recognition.UNKNOWN
    if recognition is not Recognition.RECOGNIZED:
        return Transcript(recognition)
    return Transcript(
        recognition, tuple(_lines_of_words(answer.get("words")) or _lines_of_phrases(answer.get("phrases")))
    )


def plain_text(lines: Iterable[Line]) -> str:
    """Return what was said, as it is searched."""
    return "\n".join(line.text for line in lines)


def _lines_of_words(groups: Any) -> list[Line]:
    spoken: dict[int, list[_Word]] = defaultdict(list)
    left = _MAX_WORDS
    for number, group in enumerate(_mappings(groups)):
        for raw in _mappings(group.get("result")):
            word = _read_word(raw, number)
            if word and left > 0:
                left -= 1
                spoken[_speaker(group)].append(word)
    lines = [line for speaker, words in spoken.items() for line in _split(speaker, words)]
    return sorted(lines, key=lambda line: (line.start or 0, line.speaker))


def _split(speaker: int, words: list[_Word]) -> Iterator[Line]:
    """Cut what one speaker said at the pauses."""
    said: list[str] = []
    start, end, group = 0.0, 0.0, 0
    for word in sorted(words, key=lambda word: word.start):
        length = sum(map(len, said)) + len(said)
        pause = word.start - end
        is_done = word.group != group or length >= _LINE_LENGTH
        if said and (pause > _PAUSE or (is_done and pause > _BREATH) or length >= 2 * _LINE_LENGTH):
            yield Line(start, speaker, " ".join(said))
            said = []
        if not said:
            start = word.start
        said.append(word.text)
        end, group = max(end, word.end), word.group
    if said:
        yield Line(start, speaker, " ".join(said))


def _lines_of_phrases(phrases: Any) -> list[Line]:
    lines = [
        Line(None, _speaker(phrase), text)
        for phrase in _mappings(phrases)
        if (text := _clean(phrase.get("result"), _MAX_PHRASE_LENGTH))
    ]
    return lines[:_MAX_WORDS]


def _mappings(values: Any) -> list[Mapping[str, Any]]:
    return [value for value in values if isinstance(value, Mapping)] if isinstance(values, list) else []


def _speaker(group: Mapping[str, Any]) -> int:
    channel = str(group.get("channel", "")).strip()
    return int(channel) if channel.isascii() and channel.isdigit() and len(channel) <= 2 else 0


def _read_word(raw: Mapping[str, Any], group: int) -> _Word | None:
    text, start = _clean(raw.get("w"), _MAX_WORD_LENGTH), _seconds(raw.get("s"))
    if not text or start is None:
        return None
    end = _seconds(raw.get("e"))
    return _Word(start, max(start, start if end is None else end), text, group)


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    try:
        seconds = float(value.strip().removesuffix("s") if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    return round(seconds, 2) if math.isfinite(seconds) and 0 <= seconds <= _LONGEST else None


def _clean(text: Any, longest: int) -> str:
    """Return a text as the database can keep it: one line, printable, of bounded length."""
    if not isinstance(text, str):
        return ""
    return "".join(c if c.isprintable() else " " for c in text).strip()[:longest]
