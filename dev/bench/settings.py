"""How much is measured, from the environment."""

import os
from dataclasses import dataclass

from common import CommandError

FULL = {"PARTNERS": 1_000_000, "SAMPLES": 1_000, "RATE": 10.0, "SECONDS": 20.0, "ROWS": 100_000}
QUICK = {"PARTNERS": 20_000, "SAMPLES": 200, "RATE": 10.0, "SECONDS": 10.0, "ROWS": 10_000}
FEW_PARTNERS = 1_000
FEW_SAMPLES = 100


@dataclass(frozen=True)
class Settings:
    """The size of a run.

    :ivar partners: contacts in the large database; there are a twentieth as many leads.
    :ivar samples: notifications of known callers that count.
    :ivar rate: notifications a second; as many requests of the floor come between them.
    :ivar seconds: how long one worker is kept busy.
    :ivar rows: of the statistics that are imported.
    """

    partners: int
    samples: int
    rate: float
    seconds: float
    rows: int

    @classmethod
    def from_environment(cls):
        """Read PARTNERS, SAMPLES, RATE, SECONDS and ROWS; QUICK=1 lowers what is not set."""
        defaults = QUICK if os.environ.get("QUICK", "0") != "0" else FULL
        values = {}
        for name, default in defaults.items():
            try:
                values[name.lower()] = type(default)(os.environ.get(name, default))
            except ValueError as error:
                raise CommandError(f"{name}={os.environ[name]} is not a number") from error
        if values["partners"] < FEW_PARTNERS or values["samples"] < FEW_SAMPLES or min(values.values()) <= 0:
            raise CommandError(
                f"at least PARTNERS={FEW_PARTNERS} and SAMPLES={FEW_SAMPLES}, and no RATE or SECONDS of 0"
            )
        return cls(**values)

    @property
    def is_full(self):
        """Whether the results are worth keeping."""
        return all(getattr(self, name.lower()) >= value for name, value in FULL.items())
