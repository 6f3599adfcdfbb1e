import logging

from odoo import SUPERUSER_ID, api, http
from odoo.http import request

from ..kept_cursor import kept_cursor
from ..zadarma_api.signature import verify_webhook

_logger = logging.getLogger(__name__)

_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
_MAX_BODY_BYTES = 64 * 1024
_MAX_FIELDS = 100
_MAX_ECHO = 256
_HEADERS = [
    ("Content-Type", "text/plain; charset=utf-8"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'"),
    ("Cache-Control", "no-store"),
]


class ZadarmaWebhook(http.Controller):
    """The door for Zadarma's notifications."""

    # csrf: the signature proves who sends. auth: the token names the company, nobody logs in.
    @http.route(
        "/zadarma/<string:token>",
        type="http",
        auth="none",
        methods=["GET", "POST"],
        csrf=False,
        save_session=False,
        readonly=False,
        max_content_length=_MAX_BODY_BYTES,
    )
    def webhook(self, token, **_params):
        """Answer the check of the address (GET) and take a notification (POST).

        :param str token: names the account; unknown ones are refused as a wrong signature is.
        :return: the echoed value; the answer to the event as JSON; 403, 405, 413 or 415.
        """
        if request.httprequest.method != "POST":
            return self._echo(token)
        if request.httprequest.mimetype not in _FORM_TYPES:
            return self._plain("Unsupported media type", 415)
        # The form alone: a query string must not stand in for what was signed.
        form = request.httprequest.form
        if len(form) > _MAX_FIELDS:
            return self._plain("Too many fields", 413)
        fields = {name: form.getlist(name)[-1] for name in form}
        account = self._account(token)
        signature = request.httprequest.headers.get("Signature", "")
        authentic = verify_webhook(account.secret if account else "", fields, signature)
        if not authentic or not account.admits(request.httprequest.remote_addr):
            return self._refuse(account, "signature" if not authentic else "address")
        with kept_cursor(request.env.registry) as cr:
            events = api.Environment(cr, SUPERUSER_ID, {})["zadarma.event"]
            answer, after = events._receive(account, fields)
        response = request.make_response(answer, headers=[("Content-Type", "application/json"), *_HEADERS[1:]])
        response.call_on_close(after)
        return response

    def _refuse(self, account, reason):
        """Refuse a notification, and let administrators know when the address is one of ours."""
        _logger.info("Zadarma: a notification was refused (%s)", reason)
        response = self._plain("Forbidden", 403)
        if account:
            checks = request.env(user=SUPERUSER_ID)["zadarma.check"]
            if note := checks._count_refusal(account.company_id, reason, request.httprequest.remote_addr):
                response.call_on_close(note)
        return response

    def _echo(self, token):
        """Return ``zd_echo`` and nothing else, as Zadarma checks an address."""
        echo = request.httprequest.args.get("zd_echo")
        if echo is None:
            return self._plain("Method not allowed", 405, [("Allow", "POST")])
        if not self._account(token):
            return self._plain("Forbidden", 403)
        if len(echo) > _MAX_ECHO or not echo.isprintable():
            return self._plain("Bad request", 400)
        return self._plain(echo)

    @staticmethod
    def _account(token):
        return request.env(user=SUPERUSER_ID)["res.company"]._zadarma_accounts().get(token)

    @staticmethod
    def _plain(text, status=200, headers=()):
        return request.make_response(text, status=status, headers=[*_HEADERS, *headers])
