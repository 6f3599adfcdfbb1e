"""Take guards out of a copy of the addon, one at a time, and see whether the tests that watch them fail.

    .odoo/venv/bin/python dev/mutate.py [--list] [NAME…]

A guard that nobody would miss is none. `mutations.toml` lists what is taken out: the file, the text that stands there
once and what takes its place, and the tests of which each must fail then. A mutation that a test lets live has
SURVIVED: either the test is missing, or the guard does nothing.

Without names all are tried whose result is not known: what was found stays found until the addon's code, the mutation
or its tests change, so that an interrupted run goes on where it was. The working tree is never touched.
"""

import argparse
import hashlib
import importlib
import json
import multiprocessing
import os
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import postgres
import suite
from common import HOME, ROOT, CommandError, command, core_addons, free_port, write_odoo_config
from lint import tracked_files

if sys.version_info < (3, 11):
    import tomli as tomllib
else:
    import tomllib

LIST = ROOT / "dev" / "mutations.toml"
WORK = HOME / "mutate"
COPY = WORK / "addons" / "zadarma"
RESULTS, FAILED = WORK / "results.json", WORK / "failed.json"
DATABASE = "mutations"
KILLED, SURVIVED, BROKEN = "killed", "SURVIVED", "BROKEN"
TESTS_FAILED = 1
# A result depends on all code but that of other tests and of tools.
SUFFIXES = {".csv", ".py", ".sql", ".xml"}
NO_CODE = {"dev", "doc", "i18n", "static", "tests"}
# Tests of the protocol know no database.
PURE = "tests/test_api_"


@dataclass(frozen=True)
class Mutation:
    """A guard, and what stands there without it; `database` says that it is part of the database, not of the code."""

    name: str
    guard: str
    file: str
    old: str
    new: str
    tests: tuple
    database: bool = False

    def apply(self, text):
        """Return the content of the file without the guard."""
        found = text.count(self.old)
        if found != 1:
            raise CommandError(f"{self.name}: the text to replace is {found} times in {self.file}, not once")
        if self.old == self.new:
            raise CommandError(f"{self.name} changes nothing")
        return text.replace(self.old, self.new)


def read():
    """Return the mutations by name."""
    with open(LIST, "rb") as file:
        listed = tomllib.load(file)
    return {name: Mutation(name=name, tests=tuple(values.pop("tests")), **values) for name, values in listed.items()}


def main():
    """Try what was asked for; return how many survived or could not be tried."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="show the guards and try nothing")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    mutations = read()
    if unknown := set(options.names) - mutations.keys():
        raise CommandError(f"no mutation is called {', '.join(sorted(unknown))}; see --list")
    if options.list:
        print(*(f"{each.name:32} {each.guard}" for each in mutations.values()), sep="\n")
        return 0
    with postgres.kept_server(DATABASE) as server:
        copy_addon()
        results = Results()
        chosen = [mutations[name] for name in options.names or mutations]
        chosen = [mutation for mutation in chosen if options.names or not results.get(mutation)]
        laboratory = Laboratory(server)
        if chosen:
            laboratory.prepare(chosen)
        for mutation in chosen:
            started = time.monotonic()
            verdict, remark = laboratory.attempt(mutation)
            results.add(mutation, verdict, remark)
            print(f"{verdict:8} {mutation.name} ({time.monotonic() - started:.0f} s) {remark}", flush=True)
        return report({mutations[name]: results.get(mutations[name]) for name in options.names or mutations})


def copy_addon():
    """Lay the working tree where guards can be taken out."""
    shutil.rmtree(COPY, ignore_errors=True)
    for path in tracked_files():
        (COPY / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, COPY / path)


class Results:
    """What was found of mutations, kept in a file together with what it depends on."""

    def __init__(self):
        """Read what is known."""
        self.known = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
        code = [path for path in tracked_files() if path.suffix in SUFFIXES and path.parts[0] not in NO_CODE]
        self.code = _digest(f"{path}\n{(ROOT / path).read_text()}" for path in code)

    def get(self, mutation):
        """Return the verdict and a remark, none where the mutation has to be tried."""
        known = self.known.get(mutation.name)
        return known[1:] if known and known[0] == self._key(mutation) else None

    def add(self, mutation, verdict, remark):
        """Write down what was found."""
        self.known[mutation.name] = [self._key(mutation), verdict, remark]
        RESULTS.write_text(json.dumps(self.known))

    def _key(self, mutation):
        files = sorted({test.partition("::")[0] for test in mutation.tests})
        return _digest([self.code, repr(mutation), *((ROOT / file).read_text() for file in files)])


def _digest(texts):
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


class Laboratory:
    """Runs tests on the copy, with or without a guard."""

    def __init__(self, server):
        """Prepare; nothing is run yet."""
        self.server, self.port = server, free_port()
        self.addons = f"{COPY.parent},{core_addons()}"
        self.written_at = int(time.time())
        self.output = ""

    def prepare(self, mutations):
        """Bring the database up to date, and see that the tests pass as long as nothing is taken out."""
        self._install(DATABASE)
        self._warm_up()
        tests = sorted({test for mutation in mutations for test in mutation.tests})
        print(f"{len(mutations)} mutations, {len(tests)} tests", flush=True)
        code, failed = self._run(DATABASE, tests)
        if code or failed:
            print(self.output)
            raise CommandError("tests fail although no guard is taken out; see above")

    def _warm_up(self):
        """Import once, in this process, what all runs need: Odoo and the addons that this one builds on."""
        os.environ.update(self.server.environment)
        # These take seconds, and read the environment.
        import hypothesis  # noqa: F401, PLC0415
        import pytest  # noqa: F401, PLC0415

        import odoo.tests  # noqa: PLC0415
        from odoo.modules.module import initialize_sys_path  # noqa: PLC0415

        odoo.tools.config.parse_config([f"--config={self._config(DATABASE)}"])
        initialize_sys_path()
        query = "SELECT name FROM ir_module_module WHERE state = 'installed' AND name != 'zadarma' ORDER BY id"
        for (name,) in self.server.execute(query, database=DATABASE):
            importlib.import_module(f"odoo.addons.{name}")

    def attempt(self, mutation):
        """Take a guard out, run the tests that watch it, and put it back; return the verdict and a remark."""
        path = COPY / mutation.file
        whole = path.read_text()
        self._write(path, mutation.apply(whole))
        try:
            return self._attempt_on_own_database(mutation) if mutation.database else self._judge(mutation, DATABASE)
        finally:
            self._write(path, whole)

    def _write(self, path, text):
        """Write a file at a moment of its own: Python tells by the second whether what it compiled is up to date."""
        self.written_at += 1
        path.write_text(text)
        os.utime(path, (self.written_at, self.written_at))

    def _attempt_on_own_database(self, mutation):
        database = f"{DATABASE}_anew"
        self.server.drop_database(database)
        try:
            self._install(database)
            return self._judge(mutation, database)
        finally:
            self.server.drop_database(database)

    def _judge(self, mutation, database):
        code, failed = self._run(database, mutation.tests)
        if code not in (0, TESTS_FAILED):
            return BROKEN, f"the tests ended with {code}, see {WORK.relative_to(ROOT) / 'log'}"
        passed = [test for test in mutation.tests if test.rpartition("::")[2] not in failed]
        return (SURVIVED, f"passed: {', '.join(passed)}") if passed else (KILLED, "")

    def _install(self, database):
        suite.install(self.server, database, self._config(database))

    def _config(self, database):
        return write_odoo_config(self.server, database, self.port, addons_path=self.addons)

    def _run(self, database, tests):
        """Run tests in a process of their own; return its exit code and the names of those that failed."""
        FAILED.unlink(missing_ok=True)
        is_pure = all(test.startswith(PURE) for test in tests)
        target = _run_without_database if is_pure else _run_with_database
        process = multiprocessing.get_context("fork").Process(target=target, args=(self._config(database), tests))
        process.start()
        try:
            process.join()
        finally:
            process.kill()
        self.output = (WORK / "log").read_text()
        return process.exitcode, set(json.loads(FAILED.read_text())) if FAILED.is_file() else set()


def _run_with_database(config, tests):
    """Run tests as the whole suite does, in a process that is there for that alone; end it."""
    _become_a_run()
    import pytest  # noqa: PLC0415

    report = WORK / "report.xml"
    options = [f"--odoo-config={config}", "--odoo-http", f"--junitxml={report}", "-q", "--tb=short"]
    code = pytest.main(["-p", "no:cacheprovider", *options, *(f"zadarma/{test}" for test in tests)])
    cases = ET.parse(report).iter("testcase")
    failed = [case.get("name") for case in cases if {"failure", "error"} & {part.tag for part in case}]
    _end_the_run(code, failed)


def _run_without_database(_config, tests):
    """Run tests that need no database, which saves loading one; end the process."""
    _become_a_run()
    from odoo.tests.result import OdooTestResult  # noqa: PLC0415
    from odoo.tests.suite import OdooSuite  # noqa: PLC0415

    failed = []
    for test in tests:
        path, class_name, name = test.split("::")
        module = importlib.import_module("odoo.addons.zadarma." + path.removesuffix(".py").replace("/", "."))
        result = OdooTestResult()
        OdooSuite([getattr(module, class_name)(name)])(result)
        failed += [] if result.wasSuccessful() else [name]
    _end_the_run(TESTS_FAILED if failed else 0, failed)


def _become_a_run():
    """Forget what belongs to the process that this one was forked from, and write into the log."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.chdir(COPY.parent)
    with open(WORK / "log", "w") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())


def _end_the_run(code, failed):
    """Tell what failed, and end without waiting for Odoo's threads."""
    FAILED.write_text(json.dumps(failed))
    sys.stdout.flush()
    os._exit(code)


def report(found):
    """Print a table of what was found; return how many mutations were not killed."""
    width = max(len(mutation.name) for mutation in found)
    print()
    for mutation, (verdict, remark) in found.items():
        print(f"{mutation.name:{width}}  {verdict:8}  {mutation.guard}")
        if remark:
            print(f"{'':{width}}  {remark}")
    alive = [mutation.name for mutation, (verdict, _remark) in found.items() if verdict != KILLED]
    print(f"\n{len(found) - len(alive)} of {len(found)} mutations killed.", *alive)
    return len(alive)


if __name__ == "__main__":
    command(main)
