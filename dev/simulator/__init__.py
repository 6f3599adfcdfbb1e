"""A simulated Zadarma: REST API, notifications, telephones and a page to play with.

It shares no code with the addon, so that a mistake in one does not hide in the other.
"""

from .core import Simulator
from .settings import SimulatorError

__all__ = ["Simulator", "SimulatorError"]
