"""Fixtures of the simulator's own tests."""

from .fixture import receiver, zadarma  # noqa: F401  pytest finds them here
