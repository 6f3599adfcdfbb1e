"""The budgets of a run as a picture: how much of each is used."""

import re

from PIL import Image, ImageDraw, ImageFont

WIDTH, LINE, MARGIN = 1200, 26, 16
BAR_LEFT, BAR_WIDTH = 590, 290  # a bar of this width is a budget used up
MET, MISSED, RULE, INK = "#28a745", "#d9534f", "#adb5bd", "#212529"


def draw(rows, path):
    """Draw a line for each budget: what it is, a bar of how much of it is used, and the figures.

    :param list rows: those of the report that have a goal.
    :param path: of the PNG.
    """
    font = ImageFont.load_default(size=14)
    picture = Image.new("RGB", (WIDTH, 2 * MARGIN + LINE * len(rows)), "white")
    pen = ImageDraw.Draw(picture)
    for number, row in enumerate(rows):
        top = MARGIN + number * LINE
        pen.text((MARGIN, top + 4), row.what[:85], INK, font)
        width = round(min(used(row), 1.4) * BAR_WIDTH)
        pen.rectangle((BAR_LEFT, top + 4, BAR_LEFT + max(width, 2), top + LINE - 6), MET if row.is_met else MISSED)
        figures = f"{row.ratio or row.measured.partition(',')[0]}  ({row.goal.partition(',')[0]})"
        pen.text((BAR_LEFT + 1.4 * BAR_WIDTH + 8, top + 4), _plain(figures), INK, font)
    limit = BAR_LEFT + BAR_WIDTH
    pen.line((limit, MARGIN, limit, MARGIN + LINE * len(rows)), RULE, 2)
    picture.quantize(32).save(path, optimize=True)


def used(row):
    """Return the share of its budget that a row uses."""
    goal = _number(row.goal)
    value = _number(row.ratio or row.measured)
    if row.goal.startswith("≥"):
        return goal / value if value else 2
    return max(value, 0) / goal if goal else float(value > 0) * 2


def _plain(text):
    """Return a text with the signs that the font has."""
    return text.replace("≤", "at most").replace("≥", "at least").replace("×", "x")


def _number(text):
    return float(re.search(r"[-+]?[0-9.]+", text)[0])
