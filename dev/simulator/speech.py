"""What is said in recordings, as speech recognition would write it down: the same little dialogue again and again."""

from __future__ import annotations

from typing import Any

_TURNS = (
    (1, "Good morning, this is the service desk"),
    (2, "Hello, I would like to ask about my invoice"),
    (1, "Of course, what is its number"),
    (2, "It ends with four seven one one"),
    (1, "Thank you, I will send you a copy"),
)
_WORD_SECONDS, _PAUSE_SECONDS = 0.4, 0.8


def speech(seconds: float, result: str = "words") -> dict[str, Any]:
    """Return words with their times, and phrases without, of as much as is said in that time."""
    spoken: dict[str, Any] = {"words": [], "phrases": []}
    moment, turn = 0.2, 0
    while result == "words" and moment < seconds:
        channel, text = _TURNS[turn % len(_TURNS)]
        words = text.split()
        starts = [round(moment + index * _WORD_SECONDS, 1) for index in range(len(words))]
        spoken["words"].append(
            {
                "result": [
                    {"s": start, "e": round(start + _WORD_SECONDS, 1), "w": word.strip(",").lower()}
                    for start, word in zip(starts, words, strict=True)
                ],
                "channel": channel,
            }
        )
        spoken["phrases"].append({"result": f"{text}.", "channel": channel})
        moment, turn = starts[-1] + _WORD_SECONDS + _PAUSE_SECONDS, turn + 1
    return spoken
