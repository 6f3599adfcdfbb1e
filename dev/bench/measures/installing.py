"""How much longer installing and updating take where there are many contacts."""

from ..report import Row, Section

LIMIT = 30  # seconds


def measure(bench):
    """Install and update on few and on many contacts."""
    rows = []
    for what, action in (("Installing", "install"), ("Updating", "update")):
        base, seconds = (getattr(site, action)() for site in (bench.small, bench.large))
        rows.append(
            Row(
                f"{what} with {bench.large.people:,} contacts",
                f"{bench.small.people:,}: {base:.1f} s",
                f"{seconds:.1f} s",
                f"{seconds - base:+.1f} s",
                f"≤ +{LIMIT} s",
                seconds - base <= LIMIT,
            )
        )
    return Section(rows)
