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


# What Zadarma's words mean, the first that fits: they are short, and the same ones are used for several causes.
_MEANINGS = (
    (("money", "balance", "funds", "insufficient", "not enough"), "money"),
    (("phone number", "phone's number", "wrong number"), "number"),
    (("url", "zd_echo"), "url"),
    (("wrong method",), "method"),
)


def meaning(error: ZadarmaError) -> str:
    """Return what an error means for people, whatever way it came.

    :return: ``key``, ``rate_limit``, ``unreachable``, ``server``, ``money``, ``number``, ``url``, ``method`` or
        ``refused``.
    """
    for kind, name in (
        (AuthorizationError, "key"),
        (RateLimitError, "rate_limit"),
        (UnreachableError, "unreachable"),
        (AnswerError, "server"),
    ):
        if isinstance(error, kind):
            return name
    said = error.message.lower()
    return next((name for words, name in _MEANINGS if any(word in said for word in words)), "refused")
