"""What is measured. Each module has a function `measure(bench)` that returns a section of the report."""

from . import (
    answers,
    crashes,
    disturbed,
    importing,
    installing,
    look_ups,
    orders,
    popups,
    redeliveries,
    saturation,
    screens,
    statements,
)

# In this order: the first one makes the databases that the others use.
MEASURES = (
    installing,
    answers,
    saturation,
    statements,
    look_ups,
    screens,
    popups,
    redeliveries,
    orders,
    importing,
    disturbed,
    crashes,
)
