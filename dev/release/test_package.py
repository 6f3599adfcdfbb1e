"""What people install holds the addon, all of it and nothing else."""

import ast
import zipfile
from itertools import chain
from pathlib import Path

import package
import pytest

MANIFEST = ast.literal_eval((package.ROOT / "__manifest__.py").read_text())
WHEEL, ZIP = "odoo/addons/zadarma/", "zadarma/"


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """Return the wheel and the zip."""
    folder = tmp_path_factory.mktemp("dist")
    wheel = folder / package.build_wheel(folder)
    return wheel, package.make_zip(wheel)


def names(archive, prefix):
    """Return what an archive holds in a folder, relative to that."""
    with zipfile.ZipFile(archive) as files:
        return {name.removeprefix(prefix) for name in files.namelist() if name.startswith(prefix)}


def test_wheel_and_zip_are_called_as_the_version_in_the_manifest(packages):
    version = MANIFEST["version"]
    assert [path.name for path in packages] == [
        f"odoo_addon_zadarma-{version}-py3-none-any.whl",
        f"zadarma-{version}.zip",
    ]


def test_wheel_requires_what_the_manifest_requires(packages):
    with zipfile.ZipFile(packages[0]) as wheel:
        (metadata,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        lines = wheel.read(metadata).decode().splitlines()
    assert "Name: odoo-addon-zadarma" in lines
    required = {line.removeprefix("Requires-Dist: ") for line in lines if line.startswith("Requires-Dist: ")}
    assert required == {"odoo==19.0.*", *MANIFEST["external_dependencies"]["python"]}


def files(pattern):
    """Return the files of the checkout that match, relative to its root; found without the packing's help."""
    found = [path for path in package.ROOT.glob(pattern) if path.is_file() and path.suffix != ".pyc"]
    return {str(path.relative_to(package.ROOT)) for path in found}


def test_all_that_the_manifest_names_is_there(packages):
    entries = chain.from_iterable(MANIFEST["assets"].values())
    patterns = [entry[-1] if isinstance(entry, tuple) else entry for entry in entries]
    assets = set().union(*(files(pattern.removeprefix(ZIP)) for pattern in patterns))
    assert len(assets) > 50
    assert names(packages[0], WHEEL) >= assets | {*MANIFEST["data"], *MANIFEST["demo"]}


@pytest.mark.parametrize(
    "folder", ["controllers", "data", "doc", "i18n", "models", "report", "security", "views", "wizard", "zadarma_api"]
)
def test_folder_is_there(packages, folder):
    assert names(packages[0], WHEEL) >= files(f"{folder}/**/*") > set()


def test_files_that_odoo_and_people_look_for_are_there(packages):
    looked_for = {"__init__.py", "__manifest__.py", "hooks.py", "LICENSE", "README.rst", "static/description/icon.png"}
    assert names(packages[0], WHEEL) >= looked_for


def test_nothing_that_only_developers_need_is_there(packages):
    parts = {Path(name).parts[0] for name in names(packages[0], WHEEL)}
    assert not parts & {"compose.yaml", "CONTRIBUTING.md", "dev", "dist", "Makefile", "pyproject.toml", "tests"}
    assert not [part for part in parts if part.startswith(".")]


def test_zip_holds_what_the_wheel_holds(packages):
    wheel, archive = packages
    assert names(archive, ZIP) == names(wheel, WHEEL)
    assert names(archive, "") == {ZIP + name for name in names(archive, ZIP)}
