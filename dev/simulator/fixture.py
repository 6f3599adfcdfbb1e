"""Fixtures for tests: a stepped simulator, and a receiver to stand in for the addon."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from .core import Simulator
from .signatures import request_signature


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Keep the tests' output clean."""


class Receiver:
    """A webhook that remembers what it got and answers NOTIFY_START with :attr:`reply`."""

    def __init__(self) -> None:
        self.reply: Any = {}
        self.status = 200
        self.echoes = True
        self.requests: list[Request] = []
        self.forms: list[dict[str, str]] = []
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}/zadarma/token"

    @property
    def events(self) -> list[str]:
        """The names of the events, in the order they came in."""
        return [form["event"] for form in self.forms]

    def fields(self, event: str) -> list[dict[str, str]]:
        """The fields of all events of that name."""
        return [form for form in self.forms if form["event"] == event]

    def __enter__(self) -> Receiver:
        """Start to listen."""
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()

    @Request.application
    def _answer(self, request: Request) -> Response:
        if "zd_echo" in request.args:
            return Response(request.args["zd_echo"] if self.echoes else "<html>", 200)
        form = request.form.to_dict()
        self.requests.append(request)
        self.forms.append(form)
        started = form.get("event") == "NOTIFY_START"
        return Response(json.dumps(self.reply) if started else "", self.status)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook on a real socket."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def zadarma(receiver: Receiver) -> Iterator[Simulator]:
    """A stepped simulator on a real socket that notifies ``receiver``."""
    with Simulator("testkey", "secret", receiver.url, stepped=True, seed=1) as simulator:
        yield simulator


class Client:
    """Signs and sends requests to a simulator's API."""

    def __init__(self, simulator: Simulator):
        self._simulator = simulator

    def call(self, verb: str, path: str, **params: str) -> requests.Response:
        """Send a request with the right signature; GET has the parameters in the query."""
        settings = self._simulator.settings
        pairs = list(params.items())
        signature = request_signature(path, pairs, settings.secret)
        return requests.request(
            verb,
            self._simulator.url + path,
            params=pairs if verb == "GET" else None,
            data=None if verb == "GET" else pairs,
            headers={"Authorization": f"{settings.key}:{signature}"},
            timeout=5,
        )

    def get(self, path: str, **params: str) -> Any:
        """Return the answer to a GET that must succeed."""
        return self._succeed(self.call("GET", path, **params))

    def post(self, path: str, **params: str) -> Any:
        """Return the answer to a POST that must succeed."""
        return self._succeed(self.call("POST", path, **params))

    @staticmethod
    def _succeed(response: requests.Response) -> Any:
        answer = response.json()
        assert (response.status_code, answer["status"]) == (200, "success"), answer
        return answer


@pytest.fixture
def api(zadarma: Simulator) -> Client:
    """A client of the API of ``zadarma``."""
    return Client(zadarma)
