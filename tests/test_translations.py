import io
import os
import re
from collections import Counter
from pathlib import Path
from unittest.mock import patch

import polib

from odoo.tests import BaseCase, TransactionCase, tagged
from odoo.tools import translate

ROOT = Path(__file__).parent.parent
I18N = ROOT / "i18n"
LANGUAGES = {"de", "es", "fr", "it", "pl", "pt", "ru", "tr", "uk"}
# What a translation has to keep: placeholders of Python and JavaScript, and markup.
KEPT = re.compile(r"%\([a-zA-Z_]+\)[sd]|%[sd%]|\{[a-zA-Z_]*\}|</?[a-zA-Z][^>]*>")


def walk_sources(top, **options):
    """Walk as Odoo does, but not into the folder of a checkout in which Odoo itself may be."""
    for root, folders, files in WALK(top, **options):
        folders[:] = [folder for folder in folders if not folder.startswith(".")]
        yield root, folders, files


WALK = os.walk


class TestLanguages(BaseCase):
    def setUp(self):
        super().setUp()
        self.texts = {entry.msgid for entry in polib.pofile(I18N / "zadarma.pot")}

    def test_all_languages_are_there(self):
        self.assertEqual({path.stem for path in I18N.glob("*.po")}, LANGUAGES)

    def test_every_text_is_translated(self):
        for path in I18N.glob("*.po"):
            translated = {entry.msgid for entry in polib.pofile(path) if entry.translated()}
            self.assertEqual(self.texts - translated, set(), path.name)
            self.assertEqual(translated - self.texts, set(), path.name)

    def test_placeholders_and_markup_are_kept(self):
        for path in I18N.glob("*.po"):
            for entry in polib.pofile(path):
                kept = [Counter(KEPT.findall(text)) for text in (entry.msgid, entry.msgstr)]
                self.assertEqual(*kept, f"{path.name}: {entry.msgid}")


@tagged("post_install", "-at_install")
class TestTemplate(TransactionCase):
    def test_template_is_current(self):
        """`dev/translations.py` writes it anew."""
        exported = io.BytesIO()
        with patch.object(translate.os, "walk", walk_sources):
            translate.trans_export(False, ["zadarma"], exported, "po", self.env)
        texts = {entry.msgid for entry in polib.pofile(exported.getvalue().decode())}
        known = {entry.msgid for entry in polib.pofile(I18N / "zadarma.pot")}
        self.assertEqual(texts - known, set(), "texts that the template lacks")
        self.assertEqual(known - texts, set(), "texts that are no more")
