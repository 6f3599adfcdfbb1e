"""What is measured. Each module has a function `measure(bench)` that returns a section of the report."""

from . import answers, importing, installing, look_ups, saturation, statements

# In this order: the first one makes the databases that the others use.
MEASURES = (installing, answers, saturation, statements, look_ups, importing)
