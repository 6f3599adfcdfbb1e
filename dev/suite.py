"""Run the tests: the addon's on a database of their own where it is freshly installed, then those of `dev/`.

    .odoo/venv/bin/python dev/suite.py [-k EXPRESSION] [--keep NAME] [PATH…]

A path is a file of tests, with `::TestClass::test_name` behind it if you like. `--keep` keeps the database under a
name: the next run updates the addon in it instead of installing everything anew.
"""

import argparse
import os
import re
import sys

import postgres
from common import HOME, PYTHON, ROOT, CommandError, call, command, free_port, run_odoo, write_odoo_config

DATABASE = "zadarma_test"
PYTEST = [PYTHON, "-m", "pytest"]
# Classes stay together: what their set-up makes is made once.
PARALLEL = ["--numprocesses=2", "--dist=loadscope", "-p", "own_filestore"]
NOTHING_RAN = 5
# 2026-01-31 12:00:00,000 4711 WARNING database odoo.logger: text
COMPLAINT = re.compile(r"^\d{4}-\d\d-\d\d \S+ \d+ (WARNING|ERROR|CRITICAL) ")


def main():
    """Run what was asked for; return 0 if something ran and nothing failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-k", metavar="EXPRESSION", help="only tests whose name matches, as pytest has it")
    parser.add_argument("--keep", metavar="NAME", help="keep the database for the next run")
    parser.add_argument("paths", nargs="*", metavar="PATH")
    options = parser.parse_args()
    selection = ["-k", options.k] if options.k else []
    tools = [path for path in options.paths if path.startswith("dev/")]
    addon = [path for path in options.paths if path not in tools]
    codes = []
    if tools or (not options.paths and tool_tests()):
        codes.append(test_tools(tools or tool_tests(), selection))
    if addon or not options.paths:
        codes.append(test_addon(addon, selection, options.keep))
    failed = set(codes) - {0, NOTHING_RAN}
    return failed.pop() if failed else min(codes)


def tool_tests():
    """Return the folders of `dev/` that hold tests."""
    return sorted({str(path.parent.relative_to(ROOT)) for path in (ROOT / "dev").rglob("test_*.py")})


def test_tools(paths, selection):
    """Run tests that start what they need themselves; pytest must not take the root for a package of theirs."""
    return call([*PYTEST, "-p", "no:odoo", "--confcutdir=dev", "--durations=10", *selection, *paths], cwd=ROOT)


def test_addon(paths, selection, keep):
    """Run the addon's tests on a database of their own."""
    with postgres.kept_server(keep) if keep else postgres.server() as server:
        database = keep or f"{DATABASE}_{os.getpid()}"
        config = write_odoo_config(server, database, free_port())
        try:
            install(server, database, config)
            return run_tests(server, config, paths, selection)
        finally:
            if not keep:
                server.drop_database(database)


def run_tests(server, config, paths, selection=()):
    """Run tests of the addon where it is installed; all of them in two processes, each on a copy of the database."""
    # From the folder of addons, so that a test's module is called odoo.addons.zadarma.tests.…
    files = [f"zadarma/{path}" for path in paths or ["tests"]]
    parallel = [] if paths else PARALLEL
    arguments = [f"--odoo-config={config}", "--odoo-http", *parallel, *selection, *files]
    environment = {**os.environ, **server.environment, "PYTHONPATH": str(ROOT / "dev")}
    return call([*PYTEST, *arguments], cwd=HOME / "addons", env=environment)


def install(server, database, config):
    """Install or update the addon, without demo data; a warning in Odoo's log is a failure."""
    if not server.has_database(database):
        server.create_database(database)
    installed = server.has_addon(database)
    print("Updating the addon …" if installed else "Installing the addon …", flush=True)
    code, log = run_odoo(server, config, "-u" if installed else "-i", "zadarma")
    if code or any(map(COMPLAINT.match, log)):
        sys.stdout.writelines(log)
        raise CommandError("the addon does not install without complaint; see the log above")


if __name__ == "__main__":
    command(main)
