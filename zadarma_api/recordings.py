"""Loading recordings from the temporary links that Zadarma gives.

Source: https://zadarma.com/en/support/api/ (Request call recording file).

A link comes from outside and may point anywhere. It is followed to the provider's own hosts alone, over TLS, and never
into a private network: names are resolved here, and what was checked is what is connected to.
"""

import hashlib
import ipaddress
import logging
import re
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from typing import IO, Any, NamedTuple
from urllib.parse import urljoin

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.util import parse_url
from urllib3.util.connection import create_connection

from .events import parse_recording_id
from .redaction import protect_logs
from .transport import chunks

_logger = logging.getLogger(__name__)

# Where the provider keeps recordings: these hosts and those below them.
HOSTS = ("zadarma.com",)
MAX_BYTES = 128 * 1024 * 1024
# The shortest that a link can be made to last.
LINK_SECONDS = 180
_CONNECT_SECONDS, _READ_SECONDS = 5, 20
_MAX_REDIRECTS = 3
_HEAD_BYTES = 12
_LOCAL_HOSTS = ("127.0.0.1", "[::1]", "localhost")
# Printable ASCII without the backslash, of which programs think differently.
_LINK = re.compile(r"[!-\[\]-~]+")
# What servers call audio, and files of which they do not know what they are.
_TYPE = re.compile(r"audio/[\w.+-]+|(application|binary)/octet-stream")

Resolver = Callable[..., Iterable[tuple[Any, ...]]]


class DownloadError(Exception):
    """A recording could not be loaded.

    :ivar reason: ``address`` (the link points where nothing is loaded from), ``missing`` (there is none, or the link
        is too old), ``type`` (it is no recording), ``size`` (it is too large), or ``broken`` (it did not come whole,
        and may come another time).
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason


class Loaded(NamedTuple):
    """What was loaded.

    :ivar size: bytes.
    :ivar mimetype: by what is in it, whatever the server called it.
    :ivar checksum: SHA-256, in hexadecimal.
    """

    size: int
    mimetype: str
    checksum: str


class Downloader:
    """Loads recordings.

    :param hosts: names of hosts that recordings may come from, each with all below it.
    :param api_url: where the API is. On this machine, as with a simulated Zadarma, recordings come from there as well.
    :param resolve: finds the addresses of a name.
    :param admits: tells of an address whether it may be connected to; public ones by default.
    """

    def __init__(
        self,
        hosts: Iterable[str] = HOSTS,
        api_url: str = "",
        *,
        resolve: Resolver = socket.getaddrinfo,
        admits: Callable[[str], bool] | None = None,
    ) -> None:
        self._hosts = tuple(host.strip().strip(".").lower() for host in hosts if host.strip().strip("."))
        self._local = _origin(api_url) if parse_url(api_url).host in _LOCAL_HOSTS else None
        self._session = requests.Session()
        self._session.headers["Accept-Encoding"] = "identity"
        # A link needs no authentication, nor anything that ~/.netrc has for its host.
        self._session.auth = _keep_headers
        self._session.mount("https://", _CheckingAdapter(resolve, admits or is_public))
        protect_logs()

    def may_load(self, link: str) -> bool:
        """Tell whether a link points to where recordings may come from."""
        try:
            parts = parse_url(link)
        except urllib3.exceptions.LocationParseError:
            return False
        if parts.auth or not parts.host or not _LINK.fullmatch(link):
            return False
        if self._local and _origin(link) == self._local:
            return True
        host = parts.host.lower()
        is_known = any(host == known or host.endswith(f".{known}") for known in self._hosts)
        return is_known and parts.scheme == "https"

    def load(self, link: str, file: IO[bytes], *, seconds: float, max_bytes: int = MAX_BYTES) -> Loaded:
        """Write a recording to a file, piece by piece.

        :param link: of the recording.
        :param file: empty, opened for writing.
        :param seconds: how long it may take in all.
        :param max_bytes: how large it may be.
        :raise DownloadError: where nothing, not all of it, or something else came.
        """
        deadline = time.monotonic() + seconds
        try:
            for _redirect in range(_MAX_REDIRECTS + 1):
                if not self.may_load(link):
                    raise DownloadError("address")
                with self._get(link, deadline) as response:
                    if not response.is_redirect:
                        return _receive(response, file, deadline, max_bytes)
                    link = urljoin(link, response.headers["Location"])
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            # A redirect to no address at all is a ValueError. The exception's own text holds the link.
            _logger.info("Zadarma: a recording did not come, %s", type(error).__name__)
            raise DownloadError("broken", type(error).__name__) from None
        raise DownloadError("address", "Too many redirects")

    def _get(self, link: str, deadline: float) -> requests.Response:
        left = max(1.0, deadline - time.monotonic())
        timeout = (min(_CONNECT_SECONDS, left), min(_READ_SECONDS, left))
        return self._session.get(link, timeout=timeout, allow_redirects=False, stream=True)


def links_of(answer: Mapping[str, Any]) -> list[str]:
    """Return the links in Zadarma's answer: one for a recording, several for a call."""
    links = answer.get("links") or [answer.get("link")]
    return [link for link in links if isinstance(link, str) and link] if isinstance(links, list) else []


def key_of(link: str) -> str:
    """Return the id of the recording that a link points to, by the name of its file; empty where it tells none."""
    try:
        name = (parse_url(link).path or "").rpartition("/")[2]
    except urllib3.exceptions.LocationParseError:
        return ""
    key = parse_recording_id(name.rpartition(".")[0])
    return key if re.fullmatch(r"\d{9,11}\.\d{1,12}", key) else ""


def type_of(head: bytes) -> str:
    """Return what a file is by its first bytes, empty where it is no recording."""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[:3] == b"ID3":
        return "audio/mpeg"
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return ""
    # Of the header of a frame: no reserved version, layer, rate of bits or of samples.
    version, layer, bitrate, rate = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
    return "audio/mpeg" if version != 1 and layer and bitrate not in (0, 15) and rate != 3 else ""


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the internet's, and of no private network."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    return ip.is_global and not ip.is_multicast and (inner is None or is_public(str(inner)))


def _receive(response: requests.Response, file: IO[bytes], deadline: float, max_bytes: int) -> Loaded:
    _check_head(response, max_bytes)
    size, digest, head = 0, hashlib.sha256(), b""
    for chunk in chunks(response):
        if time.monotonic() > deadline:
            raise DownloadError("broken", "It took too long")
        size += len(chunk)
        if size > max_bytes:
            raise DownloadError("size")
        if len(head) < _HEAD_BYTES:
            head += chunk[: _HEAD_BYTES - len(head)]
            if len(head) == _HEAD_BYTES and not type_of(head):
                raise DownloadError("type")
        digest.update(chunk)
        file.write(chunk)
    if not size:
        raise DownloadError("missing", "It is empty")
    if not _is_chunked(response.headers) and size != int(response.headers["Content-Length"]):
        raise DownloadError("broken", "It was cut off")
    if not type_of(head):
        raise DownloadError("type")
    return Loaded(size, type_of(head), digest.hexdigest())


def _check_head(response: requests.Response, max_bytes: int) -> None:
    status, headers = response.status_code, response.headers
    if status in (401, 403, 404, 410):
        raise DownloadError("missing", f"HTTP {status}")
    if status != 200:
        raise DownloadError("broken", f"HTTP {status}")
    length, is_chunked = headers.get("Content-Length", ""), _is_chunked(headers)
    # Of an answer that tells no end, nobody knows whether it came whole.
    if not is_chunked and not re.fullmatch(r"[0-9]{1,15}", length):
        raise DownloadError("broken", "It has no length")
    if length == "0":
        raise DownloadError("missing", "It is empty")
    if not is_chunked and int(length) > max_bytes:
        raise DownloadError("size")
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise DownloadError("broken", "It is packed in a way that was not asked for")
    if not _TYPE.fullmatch(headers.get("Content-Type", "").partition(";")[0].strip().lower()):
        raise DownloadError("type")


def _is_chunked(headers: Mapping[str, str]) -> bool:
    """Tell whether a body tells its end itself, so that its length, if one was announced, means nothing."""
    return headers.get("Transfer-Encoding", "").lower() == "chunked"


def _origin(url: str) -> tuple[str | None, str | None, int | None]:
    parts = parse_url(url)
    return parts.scheme, parts.host, parts.port


def _keep_headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class _CheckingAdapter(HTTPAdapter):
    """Connects to public addresses alone. Through a proxy, where to connect to is the proxy's affair."""

    def __init__(self, resolve: Resolver, admits: Callable[[str], bool]) -> None:
        self._look_up = {"resolve": staticmethod(resolve), "admits": staticmethod(admits)}
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # pylint: disable=missing-return
        """Override to look at the addresses of a host before a connection is made."""
        super().init_poolmanager(*args, **kwargs)
        connection = type("Connection", (_CheckedConnection,), self._look_up)
        pool = type("Pool", (HTTPSConnectionPool,), {"ConnectionCls": connection})
        self.poolmanager.pool_classes_by_scheme = {**self.poolmanager.pool_classes_by_scheme, "https": pool}


class _CheckedConnection(HTTPSConnection):
    """Connects to the very address that was looked at, so that a name cannot mean another one a moment later."""

    resolve: Resolver
    admits: Callable[[str], bool]

    def _new_conn(self) -> socket.socket:
        try:
            found = self.resolve(self.host, self.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise urllib3.exceptions.NewConnectionError(self, "Its name was not found") from error
        addresses = [str(entry[4][0]) for entry in found]
        if not addresses or not all(map(self.admits, addresses)):
            raise DownloadError("address", "The name points into a private network")
        for address in addresses:
            try:
                return create_connection((address, self.port), self.timeout, socket_options=self.socket_options)
            except OSError as error:
                failure = error
        raise urllib3.exceptions.NewConnectionError(self, type(failure).__name__) from failure


__all__ = [
    "HOSTS",
    "LINK_SECONDS",
    "MAX_BYTES",
    "DownloadError",
    "Downloader",
    "Loaded",
    "is_public",
    "key_of",
    "links_of",
    "type_of",
]
