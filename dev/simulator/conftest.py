"""Fixtures of the simulator's own tests."""

from .fixture import api, receiver, zadarma  # noqa: F401  pytest finds them here
