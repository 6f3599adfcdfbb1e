"""Recordings for the demo data: two voices that hum what is said, at the pace at which people say it."""

import io
import math
import re
import wave
from functools import lru_cache

_RATE = 8000  # samples a second, as on the telephone
_SYLLABLE, _GAP, _PAUSE = 0.17, 0.05, 0.5  # seconds of a syllable, between words, between speakers
_PITCH = {1: 125, 2: 205}
_VOWELS = {"a": 780, "e": 520, "i": 330, "o": 480, "u": 360, "y": 330}


def speak(lines):
    """Return a recording of a dialogue, as a WAV file.

    :param lines: pairs of a speaker, 1 or 2, and what they say.
    :return: the file, the second at which each line begins, and the seconds of all.
    :rtype: tuple[bytes, list[float], int]
    """
    sound, starts = bytearray(_silence(_PAUSE)), []
    for speaker, text in lines:
        starts.append(round(len(sound) / _RATE, 1))
        for word in text.split():
            for vowel in re.findall(f"[{''.join(_VOWELS)}]+", word.lower()) or ["e"]:
                sound += _syllable(speaker, vowel[0])
            sound += _silence(_GAP)
        sound += _silence(_PAUSE)
    sound += _silence(math.ceil(len(sound) / _RATE) - len(sound) / _RATE)
    return _wave_file(bytes(sound)), starts, len(sound) // _RATE


@lru_cache
def _syllable(speaker, vowel):
    """Return the samples of a hum: the voice's pitch, a vowel above it, swelling and dying away."""
    pitch, formant, length = _PITCH[speaker], _VOWELS[vowel], round(_SYLLABLE * _RATE)
    samples = bytearray()
    for index in range(length):
        phase = 2 * math.pi * index / _RATE
        tone = 0.6 * math.sin(pitch * phase) + 0.25 * math.sin(2 * pitch * phase) + 0.15 * math.sin(formant * phase)
        samples.append(128 + round(80 * tone * math.sin(math.pi * index / length)))
    return bytes(samples)


def _silence(seconds):
    return bytes([128]) * round(seconds * _RATE)


def _wave_file(samples):
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(_RATE)
        sound.writeframes(samples)
    return file.getvalue()
