"""What can go wrong when talking to Zadarma. No message carries a secret, a phone number or a URL."""


class ZadarmaError(Exception):
    """A request to Zadarma failed.

    :ivar message: the provider's own words, or ours where it said none.
    :ivar http_status: status of the answer, 0 where there was none.
    """

    def __init__(self, message: str, http_status: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.http_status = http_status


class UnreachableError(ZadarmaError):
    """No whole answer came: name not found, refused, timed out, cut off, or the certificate is not right."""


class AuthorizationError(ZadarmaError):
    """Zadarma does not accept the key or the secret (HTTP 401)."""


class RateLimitError(ZadarmaError):
    """Too many requests: HTTP 429, HTTP 200 with an error that says so, or none sent because of such an answer.

    :ivar retry_after: seconds to wait before the next request.
    """

    def __init__(self, message: str, http_status: int = 0, retry_after: int = 0) -> None:
        super().__init__(message, http_status)
        self.retry_after = retry_after


class RefusedError(ZadarmaError):
    """Zadarma understood the request and refused it; the message says why."""


class AnswerError(ZadarmaError):
    """The answer is no JSON object, too large, or a server error."""
