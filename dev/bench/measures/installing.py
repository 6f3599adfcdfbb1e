"""How much longer installing and updating take where there are many contacts and calls."""

from ..report import Row, Section

LIMIT = 30  # seconds


def measure(bench):
    """Install with few and with many contacts, and update with as many calls besides."""
    sites = (bench.small, bench.large)
    installing = [site.install() for site in sites]
    for site in sites:
        site.fill()
    updating = [site.update() for site in sites]
    people = f"{bench.large.people:,}"
    return Section(
        [
            _make_row(bench, f"Installing with {people} contacts", *installing),
            _make_row(bench, f"Updating with {people} contacts, {people} calls", *updating),
        ]
    )


def _make_row(bench, what, base, seconds):
    more, goal = f"{seconds - base:+.1f} s", f"≤ +{LIMIT} s"
    few = f"{bench.small.people:,}: {base:.1f} s"
    return Row(what, few, f"{seconds:.1f} s", more, goal, seconds - base <= LIMIT)
