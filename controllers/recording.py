from werkzeug.http import parse_range_header

from odoo import http
from odoo.http import request


class ZadarmaRecording(http.Controller):
    """The door to recordings: who may listen does so here, and it is written down."""

    @http.route("/zadarma/recording/<int:recording_id>", type="http", auth="user", methods=["GET"])
    def recording(self, recording_id, download=None, **_params):
        """Stream a recording, whole or in parts; one that is kept at Zadarma is loaded first.

        :param int recording_id: of a ``zadarma.recording``; one that the user may not hear looks like none.
        :param str download: anything but nothing and 0 makes the browser keep it as a file.
        :return: the file with 200 or 206; 304, 403, 404 or 416; 503 for one that is not here yet.
        """
        recording = request.env["zadarma.recording"].browse(recording_id)
        is_download = download not in (None, "", "0")
        if not self._may_listen(recording):
            raise request.not_found()
        if is_download and not recording._may_download():
            return self._refuse(request.env._("You may listen to recordings here, but not keep them."), 403)
        # sudo: zadarma.recording - the right to hear it was checked; the file is for nobody but through here
        recording_sudo = recording.sudo()
        if not recording_sudo._has_file():
            recording._load_now()
        if not self._may_listen(recording) or not recording_sudo._has_file():
            return self._refuse_missing(recording_sudo.exists())
        return self._stream(recording, recording_sudo.attachment_id, is_download)

    @staticmethod
    def _may_listen(recording):
        return recording.exists() and recording.has_access("read") and recording._is_playable()

    def _refuse_missing(self, recording_sudo):
        """Say why there is nothing to hear, and whether there may be in a while."""
        text = recording_sudo.error or request.env._("The recording is being loaded. Try again in a minute.")
        if recording_sudo and recording_sudo._is_playable():
            return self._refuse(text, 503, [("Retry-After", "60")])
        return self._refuse(text, 404)

    @staticmethod
    def _refuse(text, status, headers=()):
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
            *headers,
        ]
        return request.make_response(text, status=status, headers=headers)

    def _stream(self, recording, attachment_sudo, is_download):
        # By way of Odoo's own hook, so that addons that keep files elsewhere know how to send them.
        binary_sudo = attachment_sudo.env["ir.binary"]
        stream = binary_sudo._get_stream_from(attachment_sudo, filename=recording._get_file_name())
        self._simplify_range(stream.size)
        response = stream.get_response(as_attachment=is_download)
        response.headers["Accept-Ranges"] = "bytes"
        if request.httprequest.method == "GET" and response.status_code in (200, 206, 304):
            recording._note_listening("download" if is_download else "listen")
        return response

    @staticmethod
    def _simplify_range(size):
        """Have all of a file sent where that is asked for in an odd way: the last so many bytes of fewer, several parts
        at once, or what is no range at all. The standard allows it, and Werkzeug would refuse.
        """
        environ = request.httprequest.environ
        asked = parse_range_header(environ.get("HTTP_RANGE"))
        is_single = asked is not None and asked.units == "bytes" and len(asked.ranges) == 1
        if not is_single or asked.ranges[0][0] < -size:
            environ.pop("HTTP_RANGE", None)
