"""Reading answers of any size within a time."""

from collections.abc import Iterator

import requests

_CHUNK_BYTES = 64 * 1024


def chunks(response: requests.Response) -> Iterator[bytes]:
    """Yield the decoded body as it comes, so that a body that drips cannot outlast the reader's deadline.

    :param response: of a request with ``stream``.
    """
    read1 = getattr(response.raw, "read1", None)
    if read1 is None:  # urllib3 before 2.0 waits for whole chunks: keep them small
        yield from response.iter_content(512)
        return
    while chunk := read1(_CHUNK_BYTES, decode_content=True):
        yield chunk
