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
OURS = ("access", "call_button", "creation", "js", "popup", "routing", "settings", "webhook")
ODOO = ("crm", "mail", "phone_validation", "sales_team", "web")
# Suites in JavaScript load what their own addon depends on, so they never see ours; of the others, Odoo itself says
# that they are for special occasions, by tags that pytest does not know.
LEFT_OUT = ("web/tests/test_js.py", "web/tests/test_click_everywhere.py")
UNUSUAL = (
    "web/tests/test_assets.py::TestAssetsGenerateTime",
    "web/tests/test_assets.py::TestPregenerateTime",
    "web/tests/test_db_manager.py::TestDatabaseOperations",
)
MESSAGE_UPDATE = "mail/tests/discuss/test_discuss_message_update_controller.py::TestDiscussMessageUpdateController"
# What fails without the addon too, by what it is that the tests do not expect.
FAIL_ANYWAY = {
    "libxml2 2.14, which lxml brings since 6.0, puts plain text into no <p>, and reads broken HTML in another way": (
        "crm/tests/test_crm_lead_merge.py::TestLeadMerge::test_lead_merge_address_not_propagated",
        "crm/tests/test_crm_lead_merge.py::TestLeadMerge::test_lead_merge_address_propagated",
        "crm/tests/test_crm_lead_merge.py::TestLeadMerge::test_lead_merge_internals",
        "crm/tests/test_crm_lead_merge.py::TestLeadMerge::test_merge_method",
        "crm/tests/test_crm_lead_merge.py::TestLeadMerge::test_merge_method_propagate_lost_reason",
        f"{MESSAGE_UPDATE}::test_message_update_guest_as_owner",
        f"{MESSAGE_UPDATE}::test_message_update_public_channel",
        "mail/tests/test_mail_render.py::TestRegexRendering::test_qweb_regex_rendering",
        "mail/tests/test_mail_template.py::TestMailTemplate::test_mail_template_acl",
        "web/tests/test_reports.py::TestReports::test_report_error_cleanup",
    ),
    "there is no wkhtmltopdf": ("web/tests/test_reports.py::TestReports::test_report_session_cookie",),
    "the portal has a page for its users": ("web/tests/test_login.py::TestWebLogin::test_web_login_external",),
    "the app Contacts has another action for contacts": (
        "web/tests/test_router.py::TestWebRouter::test_router_get_action_triples_exist",
    ),
}
FAILED = re.compile(r"^(?:FAILED|ERROR|SUBFAILED)\b.*? (\S+\.py::\S+)", re.MULTILINE)
SKIPPED = re.compile(r"^SKIPPED .*", re.MULTILINE)


def main():
    """Tell what fails with the addon; return 0 if nothing does that is its fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-k", metavar="EXPRESSION", help="only tests of Odoo's whose name matches, as pytest has it")
    selection = parser.parse_args().k
    addons = bring_community_addons()
    with postgres.server() as server:
        configs = {name: configure(server, name, addons) for name in (WITHOUT, WITH)}
        try:
            install(server, configs, (*APPS, *COMMUNITY) if addons else APPS)
            ours = suite.run_tests(server, configs[WITH], [f"tests/test_{name}.py" for name in OURS])
            paths = [f"{name}/tests" for name in ODOO]
            failed = run_odoos(server, configs[WITH], paths, "first", selection)
            unknown = [name for name in failed if not reason(name)]
            again = run_odoos(server, configs[WITH], unknown, "again") if unknown else []
            elsewhere = run_odoos(server, configs[WITHOUT], again, "without") if again else []
        finally:
            for name in configs:
                server.drop_database(name)
    if not addons:
        print(f"\nSKIPPED: {', '.join(COMMUNITY)}, which could not be brought; see the beginning.")
    return report(ours, {*failed}, {*again}, {*elsewhere})


def report(ours, failed, again, elsewhere):
    """Print the comparison; return 1 if something is the addon's fault."""
    print(f"\nOur own tests: {'FAILED' if ours else 'passed'}")
    found = {
        "failed once and passed then": {name for name in failed - again if not reason(name)},
        "fail with the addon and without it": again & elsewhere,
        "fail because of the addon": again - elsewhere,
    }
    for why, names in FAIL_ANYWAY.items():
        if failed & {*names}:
            found[f"fail anyway, since {why}"] = failed & {*names}
    for what, names in found.items():
        print(f"Odoo's tests that {what}: {len(names)}", *sorted(names), sep="\n  ")
    return int(bool(ours or again - elsewhere))


def reason(name):
    """Return why a test is known to fail without the addon too, if it is."""
    return next((why for why, names in FAIL_ANYWAY.items() if name in names), None)


# --- databases --- #


def bring_community_addons():
    """Return the folder that holds the addons of the community, bringing them; None where that fails."""
    packages = [f"odoo-addon-{name}=={version}" for name, version in COMMUNITY.items()]
    folder = HOME / "neighbours" / "-".join(COMMUNITY.values())
    if not folder.is_dir():
        print(f"Bringing {', '.join(packages)} …", flush=True)
        unpacked = folder.with_name("new")
        shutil.rmtree(unpacked, ignore_errors=True)
        if call([PYTHON, "-m", "pip", "install", "--quiet", "--no-deps", "--target", unpacked, *packages]):
            return None
        unpacked.rename(folder)
    return folder / "odoo" / "addons"


def configure(server, database, addons):
    """Write how Odoo runs on a database; return the path."""
    folders = filter(None, (HOME / "addons", addons, core_addons()))
    return write_odoo_config(server, database, free_port(), addons_path=",".join(map(str, folders)))


def install(server, configs, neighbours):
    """Install the neighbours, and the addon beside them in a copy."""
    print("Installing the neighbours …", flush=True)
    server.create_database(WITHOUT)
    code, log = run_odoo(server, configs[WITHOUT], "-i", ",".join(neighbours))
    if code:
        sys.stdout.writelines(log)
        raise CommandError("the neighbours do not install; see the log above")
    server.create_database(WITH, WITHOUT)
    suite.install(server, WITH, configs[WITH])


# --- tests --- #


def run_odoos(server, config, tests, run, selection=None):
    """Run tests of Odoo's own; return those that failed. What pytest says of a run is kept under its name."""
    log = HOME / "neighbours" / f"{run}.log"
    print(f"Running Odoo's tests on {config.stem}: {len(tests)} files, folders or names; see {log.relative_to(ROOT)} …")
    sys.stdout.flush()
    # Debian's package has some files of each addon a second time, beside the folder `odoo`.
    folders = (Path(core_addons()).parent / "odoo" / "addons", Path(core_addons()))
    # pytest names tests by the way from its root, and finds itself in the folder that links lead to.
    folder = next(folder for folder in folders if (folder / "crm").is_dir()).resolve()
    # Nothing is to be written into that folder.
    options = ["-p", "no:cacheprovider", "-c", ROOT / "pyproject.toml", f"--rootdir={folder}", f"--confcutdir={folder}"]
    options += ["-rfEs", "--tb=short", f"--odoo-config={config}", "--odoo-http"]
    options += [f"--ignore={name}" for name in LEFT_OUT] + [f"--deselect={name}" for name in UNUSUAL]
    options += ["-k", selection] if selection else []
    log.parent.mkdir(exist_ok=True)
    with log.open("w") as output:
        # Not as a module: that would look for Python's own modules there, and an addon is called `calendar`.
        pytest = [PYTHON.with_name("pytest"), *options, *tests]
        code = call(pytest, cwd=folder, env={**os.environ, **server.environment}, stdout=output)
    lines = log.read_text()
    print(*SKIPPED.findall(lines), lines.strip().splitlines()[-1], sep="\n", flush=True)
    if code > 1:
        raise CommandError(f"pytest did not get to the end; see {log.relative_to(ROOT)}")
    return sorted({*FAILED.findall(lines)})


if __name__ == "__main__":
    command(main)
