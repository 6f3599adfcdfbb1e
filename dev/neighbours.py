"""Does the addon get along with other ones, and do those with it?

    .odoo/venv/bin/python dev/neighbours.py [-k EXPRESSION]

Installs it beside the apps that companies use with it and beside two addons of the community that are about phone calls
too, and runs there some of its own tests and Odoo's of what it builds on. A test of Odoo's that fails is run again, and
then without the addon: one that fails there too, or not again, is this machine's matter and not ours. Takes half an
hour, and the package index once.
"""

import argparse
import os
import re
import shutil
import sys
from pathlib import Path

import postgres
import suite
from common import HOME, PYTHON, ROOT, CommandError, call, command, core_addons, free_port, run_odoo, write_odoo_config

WITHOUT, WITH = "neighbours", "neighbours_zadarma"
APPS = ("sale_management", "project", "hr_holidays", "website_crm", "crm_iap_enrich")
COMMUNITY = {"voip_oca": "19.0.1.0.2", "crm_phonecall": "19.0.1.0.1"}
OURS = ("access", "call_button", "creation", "js", "popup", "settings", "webhook")
ODOO = ("crm", "mail", "phone_validation", "sales_team", "web")
# Suites in JavaScript load what their own addon depends on, so they never see ours; of the other one, Odoo itself says
# that it is for special occasions.
LEFT_OUT = ("web/tests/test_js.py", "web/tests/test_click_everywhere.py")
FAILED = re.compile(r"^(?:FAILED|ERROR|SUBFAILED)\b.*? (\S+\.py::\S+)", re.MULTILINE)


def main():
    """Tell what fails with the addon; return 0 if nothing does that is its fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-k", metavar="EXPRESSION", help="only tests of Odoo's whose name matches, as pytest has it")
    selection = parser.parse_args().k
    addons = bring_community_addons()
    with postgres.server() as server:
        configs = {name: configure(server, name, addons) for name in (WITHOUT, WITH)}
        try:
            install(server, configs)
            ours = suite.run_tests(server, configs[WITH], [f"tests/test_{name}.py" for name in OURS])
            paths = [f"{name}/tests" for name in ODOO]
            failed = run_odoos(server, configs[WITH], paths, selection)
            again = run_odoos(server, configs[WITH], failed) if failed else []
            elsewhere = run_odoos(server, configs[WITHOUT], again) if again else []
        finally:
            for name in configs:
                server.drop_database(name)
    return report(ours, {*failed}, {*again}, {*elsewhere})


def report(ours, failed, again, elsewhere):
    """Print the comparison; return 1 if something is the addon's fault."""
    print(f"\nOur own tests: {'FAILED' if ours else 'passed'}")
    found = {
        "failed once and passed then": failed - again,
        "fail with the addon and without it": again & elsewhere,
        "fail because of the addon": again - elsewhere,
    }
    for what, names in found.items():
        print(f"Odoo's tests that {what}: {len(names)}", *sorted(names), sep="\n  ")
    return int(bool(ours or again - elsewhere))


# --- databases --- #


def bring_community_addons():
    """Return the folder that holds the addons of the community, bringing them if they are not there yet."""
    packages = [f"odoo-addon-{name}=={version}" for name, version in COMMUNITY.items()]
    folder = HOME / "neighbours" / "-".join(COMMUNITY.values())
    if not folder.is_dir():
        print(f"Bringing {', '.join(packages)} …", flush=True)
        unpacked = folder.with_name("new")
        shutil.rmtree(unpacked, ignore_errors=True)
        if call([PYTHON, "-m", "pip", "install", "--quiet", "--no-deps", "--target", unpacked, *packages]):
            raise CommandError("the addons of the community cannot be brought; see above")
        unpacked.rename(folder)
    return folder / "odoo" / "addons"


def configure(server, database, addons):
    """Write how Odoo runs on a database; return the path."""
    return write_odoo_config(server, database, free_port(), addons_path=f"{HOME / 'addons'},{addons},{core_addons()}")


def install(server, configs):
    """Install the neighbours, and the addon beside them in a copy."""
    print("Installing the neighbours …", flush=True)
    server.create_database(WITHOUT)
    code, log = run_odoo(server, configs[WITHOUT], "-i", ",".join((*APPS, *COMMUNITY)))
    if code:
        sys.stdout.writelines(log)
        raise CommandError("the neighbours do not install; see the log above")
    server.create_database(WITH, WITHOUT)
    suite.install(server, WITH, configs[WITH])


# --- tests --- #


def run_odoos(server, config, tests, selection=None):
    """Run tests of Odoo's own; return those that failed."""
    print(f"Running {len(tests)} files and folders of Odoo's tests on {config.stem} …", flush=True)
    # Debian's package has some files of each addon a second time, beside the folder `odoo`.
    folders = (Path(core_addons()).parent / "odoo" / "addons", Path(core_addons()))
    folder = next(folder for folder in folders if (folder / "crm").is_dir())
    # Nothing is to be written into that folder.
    options = ["-p", "no:cacheprovider", "-c", ROOT / "pyproject.toml", f"--rootdir={folder}", f"--confcutdir={folder}"]
    options += ["-rfE", "--tb=short", f"--odoo-config={config}", "--odoo-http"]
    options += [f"--ignore={name}" for name in LEFT_OUT] + (["-k", selection] if selection else [])
    log = HOME / f"{config.stem}.log"
    with log.open("w") as output:
        # Not as a module: that would look for Python's own modules there, and an addon is called `calendar`.
        pytest = [PYTHON.with_name("pytest"), *options, *tests]
        code = call(pytest, cwd=folder, env={**os.environ, **server.environment}, stdout=output)
    lines = log.read_text()
    print(lines.strip().splitlines()[-1], flush=True)
    if code > 1:
        raise CommandError(f"pytest did not get to the end; see {log.relative_to(ROOT)}")
    return FAILED.findall(lines)


if __name__ == "__main__":
    command(main)
