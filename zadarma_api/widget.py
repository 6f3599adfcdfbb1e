"""The phone in the browser: Zadarma's WebRTC widget, and where its scripts may come from."""

import re

LIB_URL = "https://my.zadarma.com/webphoneWebRTCWidget/v9/js/loader-phone-lib.js?sub_v=1"
FN_URL = "https://my.zadarma.com/webphoneWebRTCWidget/v9/js/loader-phone-fn.js?sub_v=1"

# The scripts run in Odoo's pages with all that their users may do: they come from the provider alone.
_HOSTS = re.compile(r"(?:[a-z0-9-]+\.)*zadarma\.com", re.ASCII)
# Strict, as browsers and parsers of addresses disagree about what is odd.
_SCRIPT = re.compile(r"(https?://)([a-z0-9.-]+)(:[0-9]{1,5})?(/[\w.~/-]*)(\?[\w.~/=&%+-]*)?", re.ASCII | re.IGNORECASE)
_LOCAL_HOSTS = ("127.0.0.1", "localhost")


def is_script_address(url: str, api_url: str = "") -> bool:
    """Tell whether a script may be run in Odoo's pages: Zadarma's over HTTPS, or a simulated Zadarma's on this machine.

    :param url: where the script is.
    :param api_url: where Zadarma is spoken to; the same server on this machine may also serve scripts over HTTP.
    """
    match = _SCRIPT.fullmatch(url)
    if not match:
        return False
    scheme, host, port = match[1].lower(), match[2].lower(), match[3] or ""
    if scheme == "https://":
        return bool(_HOSTS.fullmatch(host))
    return host in _LOCAL_HOSTS and api_url.rstrip("/") == f"http://{host}{port}"


def widget_logins(pbx_id: str, extension: str) -> list[str]:
    """Return the names an extension may have to log in with: the full one first, then the bare one.

    Sources disagree about which of them the widget and the request for its key want.
    """
    return [f"{pbx_id}-{extension}", extension] if pbx_id else [extension]
