"""Recordings: small but real MP3 files, made bit by bit.

A frame of MPEG-1 layer III at 32 kHz and 32 kbit/s, mono, is exactly 144 bytes and lasts 36 ms.
One non-zero coefficient of the transform is enough for a tone; none makes silence.
"""

from __future__ import annotations

FRAME_SECONDS = 0.036
_FRAME_BYTES = 144
# Sync, MPEG-1, layer III, no checksum; 32 kbit/s, 32 kHz, no padding; mono, original.
_HEADER = bytes((0xFF, 0xFB, 0x18, 0xC4))
_SAMPLES_PER_COEFFICIENT_HZ = 16000 / 576
_QUIET = 198  # global gain, an eighth of full scale
_BEEP_FRAMES, _PAUSE_FRAMES = 11, 44  # 0.4 s of tone, 1.6 s of silence


def beeps(seconds: float, hertz: float = 440.0) -> bytes:
    """Return an MP3 file that beeps every two seconds, at least one frame long."""
    tone, silence = _frame(hertz), _frame(0)
    count = max(1, round(seconds / FRAME_SECONDS))
    period = _BEEP_FRAMES + _PAUSE_FRAMES
    return b"".join(tone if index % period < _BEEP_FRAMES else silence for index in range(count))


def _frame(hertz: float) -> bytes:
    """Return one frame with a tone (silence for 0 Hz) in both of its granules."""
    data, pairs = _main_data(hertz)
    # main_data_begin, private bits and scfsi are all zero.
    side = "0" * 18 + _granule(len(data), pairs) * 2
    frame = _HEADER + _bytes(side) + _bytes(data * 2)
    return frame.ljust(_FRAME_BYTES, b"\0")


def _main_data(hertz: float) -> tuple[str, int]:
    """Return the Huffman bits (table 1) of one granule and how many pairs of values they are."""
    if not hertz:
        return "", 0
    coefficient = round(hertz / _SAMPLES_PER_COEFFICIENT_HZ)
    zeros, odd = divmod(coefficient, 2)
    # (0,0) is 1; (1,0) is 01 and (0,1) is 001, each with a bit for the sign.
    return "1" * zeros + ("0010" if odd else "010"), zeros + 1


def _granule(bits: int, pairs: int) -> str:
    """Return the 59 bits of side information of a granule."""
    fields = (
        (bits, 12),  # part2_3_length
        (pairs, 9),  # big_values
        (_QUIET, 8),  # global_gain
        (0, 4),  # scalefac_compress: no scale factors
        (0, 1),  # window switching
        (1, 5),
        (1, 5),
        (1, 5),  # Huffman table of each region
        (0, 4),
        (0, 3),  # lengths of the regions
        (0, 1),
        (0, 1),
        (0, 1),  # preflag, scalefac_scale, count1table_select
    )
    return "".join(f"{value:0{width}b}" for value, width in fields)


def _bytes(bits: str) -> bytes:
    padded = bits.ljust(-(-len(bits) // 8) * 8, "0")
    return int(padded, 2).to_bytes(len(padded) // 8, "big") if padded else b""
