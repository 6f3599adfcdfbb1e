"""A plugin of pytest: each process that runs tests has a filestore of its own.

pytest-odoo gives each process a copy of the database, and all of them one filestore. Odoo cleans the filestore after
each class of tests, of every file that its own database does not know: those of the tests that run beside it.
"""

import functools
import shutil

import pytest

from odoo.tests.common import get_db_name
from odoo.tools import config


@pytest.fixture(scope="session", autouse=True)
def own_filestore(load_registry):
    """Take back the sharing of :func:`pytest_odoo._shared_filestore`, for as long as the process runs."""
    shared = config.filestore(get_db_name())
    config.filestore = functools.partial(type(config).filestore, config)
    own = config.filestore(get_db_name())
    shutil.copytree(shared, own)
    yield
    shutil.rmtree(own)
