"""A small reverse proxy, as one stands before an Odoo with several workers.

It sends websockets to the bus process and all else to the workers, one request a connection. Tests make it do what
networks do: cut connections, refuse websockets, be gone for a while.
"""

import asyncio
import threading

HOST = "127.0.0.1"
# As a real proxy does, it queues what the workers cannot take yet instead of overflowing Odoo's short queue of
# connections, which would have clients wait for seconds to try again.
WORKERS_QUEUE = 16
REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
GONE = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Proxy:
    """The way from some browsers to Odoo; each instance has a port of its own."""

    def __init__(self, workers_port, bus_port):
        """Prepare; entering it as a context starts it."""
        self._workers_port, self._bus_port = workers_port, bus_port
        self._connections = set()
        self._server = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self.port = 0
        self.refuses_websockets = False

    @property
    def url(self):
        """Where browsers and Zadarma find Odoo."""
        return f"http://{HOST}:{self.port}"

    def __enter__(self):
        """Start to listen."""
        self._thread.start()
        self._queue = asyncio.Semaphore(WORKERS_QUEUE)
        self.open()
        return self

    def __exit__(self, *_error):
        """Cut all connections and stop."""
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def open(self):
        """Listen; always on the same port."""
        self._run(self._listen())

    def close(self):
        """Be gone: cut all connections and refuse new ones."""
        self._run(self._close())

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _listen(self):
        self._server = await asyncio.start_server(self._serve, HOST, self.port, backlog=1024, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self):
        self._server.close()
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _serve(self, reader, writer):
        """Pass one request and its answer, or a websocket for as long as it lives."""
        connection = asyncio.current_task()
        self._connections.add(connection)
        try:
            await self._pass(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # one side hung up
        finally:
            self._connections.discard(connection)
            writer.close()

    async def _pass(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        is_websocket = b"\r\nupgrade: websocket" in head.lower()
        if is_websocket and self.refuses_websockets:
            writer.write(REFUSAL)
            await writer.drain()
        elif head.split(b" ", 2)[1].startswith(b"/websocket"):
            await self._forward(reader, writer, self._bus_port, _rewrite(head, is_websocket))
        else:
            async with self._queue:
                await self._forward(reader, writer, self._workers_port, _rewrite(head, is_websocket))

    async def _forward(self, reader, writer, port, head):
        try:
            behind_reader, behind_writer = await asyncio.open_connection(HOST, port)
        except OSError:
            writer.write(GONE)
            await writer.drain()
            return
        sending = asyncio.ensure_future(_copy(reader, behind_writer))
        try:
            behind_writer.write(head)
            await _copy(behind_reader, writer)
        finally:
            sending.cancel()
            behind_writer.close()


async def _copy(reader, writer):
    while block := await reader.read(65536):
        writer.write(block)
        await writer.drain()


def _rewrite(head, is_websocket):
    """Tell Odoo where it is seen from; let every connection but a websocket's end with its answer."""
    lines = head.rstrip(b"\r\n").split(b"\r\n")
    host = next((line[5:].strip() for line in lines if line.lower().startswith(b"host:")), b"")
    if not is_websocket:
        lines = [line for line in lines if not line.lower().startswith((b"connection:", b"keep-alive:"))]
        lines.append(b"Connection: close")
    lines += [b"X-Forwarded-Host: " + host, b"X-Forwarded-Proto: http", b"X-Forwarded-For: 127.0.0.1"]
    return b"\r\n".join(lines) + b"\r\n\r\n"
