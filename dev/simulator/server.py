"""The HTTP server: sends requests to the API, the control API or the page, and logs them."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from .control import Control
from .faults import Fault, wrong_types
from .ratelimit import RateLimiter
from .rest import RECORDING_PATH, ApiError, Rest, base_of, encode, is_statistics
from .settings import SimulatorError
from .signatures import Pairs, decode_pairs, is_authorized
from .webphone import ASKED_PATH, Webphone
from .wire import API, Exchanged

if TYPE_CHECKING:
    from .core import Simulator

PAGE = Path(__file__).with_name("page.html")

_PROXY_PAGE = "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"
_GARBAGE = b"\x00\xff\xfe not what you expected {[<>\n"
_LIMIT_TEXT = "You exceeded the rate limit"
_HUGE_BYTES = 300 * 1024 * 1024
_DRIPS = 50  # a dripped answer comes in at most that many pieces
_JSON = "application/json"
_STOP_SECONDS = 0.02  # how long stopping may take: tests start and stop many servers


class _Handler(WSGIRequestHandler):
    """Werkzeug's, without its lines on the console."""

    def run_wsgi(self) -> None:
        """Override to end the connection in any case, also when there was no answer."""
        super().run_wsgi()
        self.close_connection = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep quiet: the page has a log of its own."""


class Web:
    """The WSGI application and the thread it is served from."""

    def __init__(self, simulator: Simulator, host: str, port: int):
        self._simulator = simulator
        self.rest = Rest(simulator.exchange, simulator.log)
        self.limiter = RateLimiter(simulator.settings, simulator.clock)
        self._control = Control(simulator)
        self._webphone = Webphone(simulator, self.rest)
        self._stopping = threading.Event()
        self._server: BaseWSGIServer = make_server(host, port, self, threaded=True, request_handler=_Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            args=(_STOP_SECONDS,),
            name="simulator-http",
            daemon=True,
        )

    @property
    def port(self) -> int:
        """The TCP port that is listened on."""
        return self._server.server_port

    def start(self) -> None:
        """Serve in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving; answers that were to come later are given up."""
        self._stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(5)
        self._server.server_close()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        path = raw_path(environ)
        if path.startswith(RECORDING_PATH):
            response = self._recording(path)
        elif path.startswith("/v1/"):
            response = self._api(request, path)
        elif path.startswith("/sim/"):
            response = self._control.answer(request, path)
        elif path.startswith(ASKED_PATH):
            response = self._webphone.answer(request, path)
        elif path == "/":
            response = Response(PAGE.read_bytes(), mimetype="text/html")
        else:
            response = self._webphone.script(path) or Response("Not found", 404)
        return response(environ, start_response)

    def _recording(self, path: str) -> Response:
        # Files are not JSON: of the faults, those that need none can strike.
        fault = self._simulator.api_faults.strike(path, f"GET {path}")
        content = self.rest.recording_file(path)
        response = Response(content or b"File not found", 200 if content else 404)
        response.mimetype = "audio/mpeg" if content else "text/plain"
        entry = Exchanged(API, "GET recording", path, {}, "", status=response.status_code)
        return self._log(entry, self._break(response, fault), time.perf_counter())

    def _api(self, request: Request, path: str) -> Response:
        started = time.perf_counter()
        body = request.get_data(cache=True, parse_form_data=False)
        pairs = read_pairs(request, body)
        entry = Exchanged(
            API,
            f"{request.method} {path}",
            request.url,
            dict(request.headers),
            body.decode("utf-8", "replace"),
            fields=dict(pairs),
        )
        response = self._answer(request, path, pairs)
        fault = self._simulator.api_faults.strike(path, f"{request.method} {path}")
        return self._log(entry, self._break(response, fault), started, fault.kind if fault else "")

    def _answer(self, request: Request, path: str, pairs: Pairs) -> Response:
        settings = self._simulator.settings
        header = request.headers.get("Authorization", "")
        if not is_authorized(header, path, pairs, settings.key, settings.secret):
            return _reply(401, _error("Not authorized"), {"X-Zadarma-Method": path})
        allowed, headers = self.limiter.count(is_statistics(path))
        headers["X-Zadarma-Method"] = path
        if not allowed:
            return _reply(429, _error(_LIMIT_TEXT), headers)
        return _reply(*self._call(request, path, pairs), headers)

    def _call(self, request: Request, path: str, pairs: Pairs) -> tuple[int, dict[str, Any]]:
        method = self.rest.find(request.method, path)
        if method is None:
            return 404, _error("Wrong method name")
        self.rest.base_url = base_of(request)
        try:
            with self._lock_unless_checking(path):
                return 200, {"status": "success", **method(dict(pairs), pairs)}
        except ApiError as error:
            return error.status, _error(error.message)
        except SimulatorError as error:
            return 400, _error(str(error))

    def _lock_unless_checking(self, path: str) -> AbstractContextManager[Any]:
        """Hold the exchange's lock, except while a URL is checked, which takes its time."""
        return nullcontext() if path.endswith("/url/") else self._simulator.exchange.lock

    # Faults -----------------------------------------------------------------------------------

    def _break(self, response: Response, fault: Fault | None) -> Response:
        if fault is None:
            return response
        return getattr(self, f"_break_{fault.kind}")(response, fault)

    def _break_rate_limit(self, _response: Response, _fault: Fault) -> Response:
        return _reply(
            429,
            _error(_LIMIT_TEXT),
            {
                "X-RateLimit-Limit": "100",
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": str(int(self._simulator.clock.now()) + 60),
            },
        )

    def _break_rate_limit_200(self, _response: Response, _fault: Fault) -> Response:
        return _reply(200, _error(f"{_LIMIT_TEXT} by User Limits"), {})

    def _break_unauthorized(self, _response: Response, _fault: Fault) -> Response:
        return _reply(401, _error("Not authorized"), {})

    def _break_error_500(self, _response: Response, _fault: Fault) -> Response:
        return Response(b"", 500)

    def _break_html_502(self, _response: Response, _fault: Fault) -> Response:
        return Response(_PROXY_PAGE, 502, mimetype="text/html")

    def _break_garbage(self, _response: Response, _fault: Fault) -> Response:
        return Response(_GARBAGE, 200, mimetype=_JSON)

    def _break_truncated(self, response: Response, _fault: Fault) -> Response:
        content = response.get_data()
        response.set_data(content[: len(content) // 2])
        return response

    def _break_wrong_types(self, response: Response, _fault: Fault) -> Response:
        if response.mimetype == _JSON:
            response.set_data(json.dumps(wrong_types(json.loads(response.get_data()))))
        return response

    def _break_not_found(self, _response: Response, _fault: Fault) -> Response:
        return _reply(404, _error("File not found"), {})

    def _break_page(self, _response: Response, _fault: Fault) -> Response:
        return Response(_PROXY_PAGE, 200, mimetype="text/html")

    def _break_huge(self, response: Response, _fault: Fault) -> Response:
        piece = response.get_data()
        times = _HUGE_BYTES // max(1, len(piece)) + 1
        return _streamed(response, (piece for _time in range(times)), times * len(piece))

    def _break_slow(self, response: Response, fault: Fault) -> Response:
        self._stopping.wait(fault.seconds)
        return response

    def _break_drip(self, response: Response, fault: Fault) -> Response:
        content = response.get_data()
        size = max(1, -(-len(content) // _DRIPS))
        pieces = [content[at : at + size] for at in range(0, len(content), size)]

        def drip() -> Iterator[bytes]:
            for piece in pieces:
                self._stopping.wait(fault.seconds / len(pieces))
                yield piece

        return _streamed(response, drip(), len(content))

    def _break_cut(self, response: Response, _fault: Fault) -> Response:
        content = response.get_data()

        def cut() -> Iterator[bytes]:
            yield content[: len(content) // 2]
            raise ConnectionResetError

        return _streamed(response, cut(), len(content))

    def _break_reset(self, response: Response, _fault: Fault) -> Response:
        return _Reset(response.get_data())

    def _break_hang(self, response: Response, fault: Fault) -> Response:
        self._stopping.wait(fault.seconds)
        return _Reset(response.get_data())

    def _log(self, entry: Exchanged, response: Response, started: float, note: str = "") -> Response:
        entry.milliseconds = round((time.perf_counter() - started) * 1000, 1)
        entry.note = note
        lost = isinstance(response, _Reset)
        entry.status = None if lost else response.status_code
        entry.response_headers = dict(response.headers)
        if not lost and not response.is_streamed and response.mimetype != "audio/mpeg":
            entry.response_body = response.get_data().decode("utf-8", "replace")
        self._simulator.log.add(entry)
        return response


class _Reset(Response):
    """No answer: the connection is reset."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Have the connection closed with a TCP reset, which werkzeug takes for the client's."""
        connection = environ.get("werkzeug.socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise ConnectionResetError


def raw_path(environ: dict[str, Any]) -> str:
    """Return the path as it was sent, byte by byte: it is part of what is signed."""
    return urlsplit(environ.get("RAW_URI") or environ["PATH_INFO"]).path


def read_pairs(request: Request, body: bytes) -> Pairs:
    """Return the parameters: of the query for GET, else of the form; files do not count."""
    if request.method == "GET":
        return decode_pairs(request.query_string)
    kind = request.mimetype
    if kind == "multipart/form-data":
        return [(name, value) for name, value in request.form.items(multi=True)]
    if kind == "application/x-www-form-urlencoded" and body:
        return decode_pairs(body)
    # The API's description has DELETE with query parameters in places.
    return decode_pairs(request.query_string)


def _error(message: str) -> dict[str, Any]:
    return {"status": "error", "message": message}


def _reply(status: int, data: dict[str, Any], headers: dict[str, str]) -> Response:
    return Response(encode(data), status, headers, mimetype=_JSON)


def _streamed(response: Response, pieces: Iterator[bytes], length: int) -> Response:
    response.response = pieces
    response.headers["Content-Length"] = str(length)
    return response
