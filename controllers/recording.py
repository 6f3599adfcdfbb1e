from odoo import http
from odoo.http import request


class ZadarmaRecording(http.Controller):
    """The door to recordings: who may listen does so here, and it is written down."""

    @http.route("/zadarma/recording/<int:recording_id>", type="http", auth="user", methods=["GET"])
    def recording(self, recording_id, download=None, **_params):
        """Stream a recording, whole or in parts.

        :param int recording_id: of a ``zadarma.recording``; one that the user may not hear looks like none.
        :param str download: anything but nothing and 0 makes the browser keep it as a file.
        :return: the file with 200 or 206; 304, 403, 404 or 416.
        """
        recording = request.env["zadarma.recording"].browse(recording_id).exists()
        if not recording or not recording.has_access("read") or not recording._is_playable():
            raise request.not_found()
        is_download = download not in (None, "", "0")
        if is_download and not recording._may_download():
            return request.make_response(request.env._("You may listen to recordings, but not keep them."), status=403)
        # sudo: ir.attachment - the right to hear the recording was checked
        attachment_sudo = recording.sudo().attachment_id
        if not attachment_sudo:
            raise request.not_found()
        stream = request.env["ir.binary"].sudo()._get_stream_from(attachment_sudo, filename=recording._get_file_name())
        response = stream.get_response(as_attachment=is_download)
        if request.httprequest.method == "GET" and response.status_code in (200, 206, 304):
            recording._note_access(recording, "download" if is_download else "listen")
        return response
