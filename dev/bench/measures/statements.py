"""What PostgreSQL is asked before the answer, from PostgreSQL's own log."""

import re
import time
from contextlib import contextmanager

from ..calls import FLOOR, KNOWN, VARIANTS, Callers, Kind
from ..load import exchange, exchange_well
from ..report import Row, Section, markdown_table

REQUESTS = 10
# A client that stays keeps Odoo from what follows the answer for ten milliseconds.
MARGIN = 0.005  # seconds
QUIET = 0.3  # seconds
SETTINGS = {"log_statement": "all", "log_connections": "on", "log_line_prefix": "%n|"}
ENTRY = re.compile(r"^(\d+\.\d+)\|LOG:  (.*?)(?=^\d+\.\d+\|)", re.MULTILINE | re.DOTALL)
# What opens and closes transactions, and cleans a connection of the pool.
CONTROL = re.compile(r"BEGIN|COMMIT|ROLLBACK|ABORT|DISCARD ALL|RESET ALL|SET SESSION AUTHORIZATION")
# A prepared statement's name tells what it is. Outside a transaction an INSERT is one, and ends with its commit.
INSERT = re.compile(r"(.*EXECUTE zadarma_)?insert", re.IGNORECASE)


class Traffic:
    """What one request made PostgreSQL do before it was answered.

    :ivar statements: everything but what belongs to transactions and the pool.
    :ivar control: the rest.
    :ivar connections: how many were opened.
    """

    def __init__(self, entries):
        """Sort the entries of the log."""
        asked = [text.removeprefix("statement: ").strip() for text in entries if text.startswith("statement: ")]
        self.statements = [text for text in asked if not CONTROL.match(text)]
        self.control = [text for text in asked if CONTROL.match(text)]
        self.connections = sum(text.startswith("connection received") for text in entries)

    @property
    def inserts(self):
        """Return how many statements insert rows."""
        return sum(bool(INSERT.match(text)) for text in self.statements)

    @property
    def commits(self):
        """Return how often something is committed."""
        explicit = sum(text.startswith("COMMIT") for text in self.control)
        return explicit + self.inserts


def measure(bench):
    """Count for each kind of caller, on workers that have answered before."""
    callers = Callers(bench.large, seed=3)
    kinds = (FLOOR, KNOWN, *VARIANTS)
    with bench.large.serve(workers=2):
        for kind in kinds * REQUESTS:
            exchange_well(bench.large.port, callers.request(kind), stays=True)
        with _logging(bench.server):
            traffic = {kind: [_watch(bench, callers, kind) for _ in range(REQUESTS)] for kind in kinds}
    return Section(_rows(traffic), [_explain(traffic)])


def _rows(traffic: dict[Kind, list[Traffic]]):
    def worst(count, *kinds):
        return max(count(seen) for kind in kinds for seen in traffic[kind])

    calls = (KNOWN, *VARIANTS)
    counts = (
        ("SQL statements before the answer", lambda seen: len(seen.statements), 6),
        ("of these, INSERT", lambda seen: seen.inserts, 1),
        ("Commits before the answer", lambda seen: seen.commits, 2),
        ("New PostgreSQL connections before the answer", lambda seen: seen.connections, 0),
    )
    return [
        Row.of_counts(what, f"floor: {worst(count, FLOOR)}", worst(count, *calls), limit)
        for what, count, limit in counts
    ]


def _explain(traffic):
    rows = [
        (
            kind.title,
            f"{len(seen[-1].statements)}",
            f"{len(seen[-1].control)}",
            "; ".join(" ".join(text.split())[:80] for text in seen[-1].statements),
        )
        for kind, seen in traffic.items()
    ]
    return (
        f"Statements are those in PostgreSQL's log between a request and its answer, the most of {REQUESTS} requests "
        "of each kind, without what opens and closes transactions and cleans a connection of the pool (“control”).\n\n"
        + markdown_table(("Request", "Statements", "Control", "Which"), rows)
    )


@contextmanager
def _logging(server):
    """Have PostgreSQL write down everything for as long as the block takes."""

    def apply(change):
        for name, value in SETTINGS.items():
            server.execute(f"ALTER SYSTEM {change.format(name, value)}", user="postgres")
        server.execute("SELECT pg_reload_conf()", user="postgres")
        time.sleep(QUIET)

    apply("SET {} = '{}'")
    try:
        yield
    finally:
        apply("RESET {}")


def _watch(bench, callers, kind):
    """Send one request to an Odoo that is idle otherwise; return what it caused before it was answered."""
    log = bench.server.folder / "log"
    time.sleep(QUIET)
    mark = log.stat().st_size
    request = callers.request(kind)
    began = time.time()
    answered = exchange(bench.large.port, request, stays=True).at
    time.sleep(QUIET)
    with open(log, encoding="utf-8", errors="replace") as file:
        file.seek(mark)
        text = file.read()
    entries = ENTRY.findall(text + f"{time.time()}|")
    return Traffic([entry for at, entry in entries if began - MARGIN <= float(at) <= answered + MARGIN])
