"""Write what translators work on anew: the template of all texts, and each language with what is new in it.

.odoo/venv/bin/python dev/translations.py
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import polib

import postgres
import suite
from common import PYTHON, ROOT, CommandError, call, command, core_addons, free_port, write_odoo_config

DATABASE = "zadarma_translations"
I18N = ROOT / "i18n"
TEMPLATE = I18N / "zadarma.pot"


def main():
    """Export the template, then merge it into each language; what is gone from the sources goes from there too."""
    with tempfile.TemporaryDirectory() as folder, postgres.server() as server:
        copy_sources(Path(folder) / "zadarma")
        config = write_odoo_config(server, DATABASE, free_port(), addons_path=f"{folder},{core_addons()}")
        suite.install(server, DATABASE, config)
        I18N.mkdir(exist_ok=True)
        options = ["--config", config, "--database", DATABASE, "--output", TEMPLATE]
        environment = {**os.environ, **server.environment}
        code = call([PYTHON, "-m", "odoo", "i18n", "export", *options, "zadarma"], cwd=folder, env=environment)
    if code:
        raise CommandError("the template could not be exported; see above")
    template = polib.pofile(TEMPLATE)
    for path in sorted(I18N.glob("*.po")):
        language = polib.pofile(path)
        language.merge(template)
        for entry in language.obsolete_entries():
            language.remove(entry)
        language.save()
        print(f"{path.stem}: {language.percent_translated()} %")


def copy_sources(folder):
    """Copy what git knows: Odoo looks for texts in all of an addon's folder, and here it lies in it itself."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)


if __name__ == "__main__":
    command(main)
