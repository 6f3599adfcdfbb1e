"""A real nginx before some machines with Odoo, with the configuration that is documented."""

import os
import re
import shutil
import ssl
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from common import HOME, ROOT, CommandError, free_port, is_taken, spawn, stop

DOCUMENTED = ROOT / "doc" / "nginx.conf"
HOST = "127.0.0.1"
_ATTEMPTS = 3
# This machine answers to all of 127.0.0.0/8: so there are some who are Zadarma, and strangers.
ZADARMA_NETWORK, ZADARMA, STRANGER = "127.45.152.40/30", "127.45.152.41", "127.0.0.9"
# What stands around the documented file in a distribution's nginx, with everything in a folder of its own.
MAIN = """
{user}
daemon off;
pid {folder}/pid;
worker_processes 2;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type application/octet-stream;
    access_log off;
    include {folder}/odoo.conf;
}}
"""


class Nginx:
    """The way to all machines; entering it as a context starts it."""

    def __init__(self, nodes, folder, zadarma=ZADARMA_NETWORK, tls=True):
        """Prepare in a new folder.

        :param list[Odoo] nodes: the machines.
        :param Path folder: for configuration and logs.
        :param str zadarma: the network that it takes for Zadarma's.
        :param bool tls: off for clients that do not believe a certificate of our own making.
        """
        self.nodes, self.folder, self._zadarma, self._tls = nodes, Path(folder), zadarma, tls
        self._choose_ports()
        self._process = None

    def __enter__(self):
        """Start it; on other ports where somebody took one meanwhile."""
        self._make_certificate()
        for _attempt in range(_ATTEMPTS):
            if self._start():
                return self
            self._choose_ports()
        raise CommandError(f"nginx does not start:\n{self._log('error')}")

    def _choose_ports(self):
        self.port, self._plain_port = free_port(), free_port()
        self.url = f"http{'s' if self._tls else ''}://{HOST}:{self.port}"
        self.plain_url = f"http://{HOST}:{self._plain_port}"

    def _start(self):
        """Start it and return whether it listens."""
        (self.folder / "odoo.conf").write_text(self._configuration())
        user = "" if os.geteuid() else "user root;"
        (self.folder / "nginx.conf").write_text(MAIN.format(folder=self.folder, user=user))
        arguments = [_program(), "-p", self.folder, "-c", self.folder / "nginx.conf", "-e", self.folder / "error.log"]
        self._process = spawn(arguments)
        # Where somebody else listens it seems to start, and ends a second later.
        while not (self.folder / "pid").exists() or not is_taken(self.port):
            if self._process.poll() is not None:
                return False
        return True

    def __exit__(self, *_error):
        """Stop it."""
        stop(self._process)

    def _configuration(self):
        """Return the documented configuration, with this machine's addresses in place of those of the example."""
        text = DOCUMENTED.read_text()
        first = self.nodes[0]
        replacements = {
            r"\n +server 10\.0\.0\.\d+:8069( .*)?;": _servers(node.port for node in self.nodes),
            r"\n +server 10\.0\.0\.\d+:8072( .*)?;": _servers(node.bus_port for node in self.nodes),
            r"185\.45\.152\.40/30": self._zadarma,
            r"server_name crm\.example\.com": f"server_name {HOST}",
            r"/etc/ssl/crm\.example\.com": f"{self.folder}/certificate",
            r"listen 80;": f"listen {self._plain_port};",
            r"listen 443 ssl;": f"listen {self.port}{' ssl' if self._tls else ''};",
            r"/var/log/nginx/odoo.log": f"{self.folder}/access.log",
            r"/var/log/nginx/error.log": f"{self.folder}/error.log",
            r"/var/lib/odoo/filestore/": f"{first.server.data_dir}/filestore/",
        }
        for example, own in replacements.items():
            text, count = re.subn(f"({example})+", own, text)
            assert count, f"the documented configuration has no {example} any more"
        return text

    def _make_certificate(self):
        """Make a certificate that nobody but :meth:`trust` believes."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
        address = x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))])
        now = datetime.now(timezone.utc)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(address, critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, SHA256())
        )
        (self.folder / "certificate.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self.folder / "certificate.key").write_bytes(secret)

    def trust(self):
        """Return what makes a client believe this server and no other."""
        return ssl.create_default_context(cafile=self.folder / "certificate.pem")

    def access_log(self):
        """Return the lines of the access log."""
        return self._log("access").splitlines()

    def error_log(self):
        """Return what the log of errors holds."""
        return self._log("error")

    def _log(self, name):
        path = self.folder / f"{name}.log"
        return path.read_text() if path.exists() else ""


def _servers(ports):
    """Return the lines of an upstream; what stands behind an address stays."""
    return "".join(f"\n    server 127.0.0.1:{port}\\2;" for port in ports)


def _program():
    """Return the path of nginx: the machine's, or the one that the bootstrap brought."""
    brought = HOME / "nginx" / "usr" / "sbin" / "nginx"
    path = brought if brought.is_file() else shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if not path:
        raise CommandError("there is no nginx here; make test brings it")
    return path
