"""`compose.yaml` holds together: what it names is there. No containers are started."""

import ast
import re
import subprocess

import package
import pytest
import yaml

from common import HOME, PYTHON

MANIFEST = ast.literal_eval((package.ROOT / "__manifest__.py").read_text())


@pytest.fixture(scope="module")
def compose():
    """Return the file's content."""
    return yaml.safe_load((package.ROOT / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def odoo(compose):
    """Return the service that runs the addon."""
    return compose["services"]["odoo"]


def test_odoo_is_of_the_addons_series(odoo):
    series = MANIFEST["version"].split(".")[0]
    assert f"FROM odoo:{series}\n" in odoo["build"]["dockerfile_inline"]


def test_python_packages_of_the_manifest_are_installed(odoo):
    (installed,) = re.findall(r"pip install (.+)", odoo["build"]["dockerfile_inline"])
    assert {*installed.split()} >= {*MANIFEST["external_dependencies"]["python"]}


def test_addon_is_where_odoo_looks_and_gets_installed(odoo):
    assert ".:/mnt/extra-addons/zadarma:ro" in odoo["volumes"]
    assert "--init=zadarma" in odoo["command"]


def test_odoo_knows_the_options(odoo):
    knows = subprocess.check_output([PYTHON, "-m", "odoo", "server", "--help"], text=True, cwd=HOME)
    options = {argument.split("=")[0] for argument in odoo["command"][1:]}
    assert options <= {*re.findall(r"--[\w-]+", knows)}


def test_what_services_share_is_declared(compose):
    services = compose["services"].values()
    volumes = {volume.split(":")[0] for service in services for volume in service["volumes"]}
    assert volumes - {"."} == {*compose["volumes"]}
    assert {secret for service in services for secret in service["secrets"]} == {*compose["secrets"]}
    assert {*compose["services"]["odoo"]["depends_on"]} < {*compose["services"]}
    assert compose["services"]["odoo"]["environment"]["HOST"] in compose["services"]


def test_password_is_in_no_file_of_ours(compose):
    assert compose["secrets"] == {"database_password": {"environment": "DATABASE_PASSWORD"}}
    variables = {
        name: value for service in compose["services"].values() for name, value in service["environment"].items()
    }
    secret = {value for name, value in variables.items() if "PASSWORD" in name}
    assert secret == {"/run/secrets/database_password"}
    assert ".env" in (package.ROOT / ".gitignore").read_text().split()


def test_every_service_tells_how_it_is_and_only_this_machine_reaches_it(compose):
    for service in compose["services"].values():
        assert service["healthcheck"]["test"][0] == "CMD"
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
