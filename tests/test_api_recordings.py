import io
import logging
import os
import random
import socket
from contextlib import suppress
from unittest.mock import patch

from ..zadarma_api import recordings as module
from ..zadarma_api.recordings import Downloader, DownloadError, is_public, key_of, links_of, type_of
from .test_api_client import ClientCase, TestCertificate, all_logs, endless, raw, reply, reset

FRAME = b"\xff\xfb\x18\xc4" + bytes(140)
MP3 = FRAME * 20
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(60)
HOST = "recordings.zadarma.invalid"


def audio(body=MP3, **headers):
    """Return what answers a request with a recording."""
    return reply(body, **{"Content_Type": "audio/mpeg", **headers})


def redirect(link):
    """Return what answers a request with another address."""
    return reply(b"", 302, Location=link)


class TestLinks(ClientCase):
    def test_links_of_a_recording_and_of_a_call(self):
        for answer, expected in (
            ({"link": "a"}, ["a"]),
            ({"links": ["a", "b"]}, ["a", "b"]),
            ({"link": "a", "links": []}, ["a"]),
            ({"links": "a"}, []),
            ({"links": [None, 7, "", "b"]}, ["b"]),
            ({"link": None}, []),
            ({}, []),
        ):
            self.assertEqual(links_of(answer), expected, answer)

    def test_name_of_the_file_tells_the_recording(self):
        base = "https://api.zadarma.com/v1/pbx/record/download/token/"
        for name, expected in (
            ("1740823200.1234.mp3", "1740823200.1234"),
            ("call.mp3", ""),
            ("..mp3", ""),
            ("1740823200.mp3", ""),
            ("", ""),
        ):
            self.assertEqual(key_of(base + name), expected, name)
        self.assertEqual(key_of("https://zadarma.com:x/1740823200.1234.mp3"), "")

    def test_links_point_to_the_provider_over_tls(self):
        downloader = Downloader(["zadarma.com", " .Records.example. ", ""], "https://api.zadarma.com")
        for link in (
            "https://api.zadarma.com/v1/pbx/record/download/token/1.2.mp3",
            "https://zadarma.com/x",
            "https://API.ZADARMA.COM/x",
            "https://eu.records.example/x",
        ):
            self.assertTrue(downloader.may_load(link), link)
        for link in (
            "http://api.zadarma.com/x",
            "https://zadarma.com.example.com/x",
            "https://evilzadarma.com/x",
            "https://api.zadarma.com@example.com/x",
            "https://user:word@api.zadarma.com/x",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/x",
            "https://2130706433/x",
            "https://127.0.0.1/x",
            "http://127.0.0.1/x",
            "https://zadarma.com\\@example.com/x",
            "https://example.com#zadarma.com",
            "file:///etc/passwd",
            "//zadarma.com/x",
            "https://",
            "https://[zadarma.com/x",
            "",
        ):
            self.assertFalse(downloader.may_load(link), link)

    def test_simulated_zadarma_serves_its_own_recordings_alone(self):
        downloader = Downloader(["zadarma.com"], "http://127.0.0.1:8070")
        self.assertTrue(downloader.may_load("http://127.0.0.1:8070/v1/pbx/record/download/x/y.mp3"))
        for link in (
            "http://127.0.0.1:8069/x",
            "https://127.0.0.1:8070/x",
            "http://localhost:8070/x",
            "http://10.0.0.1/",
        ):
            self.assertFalse(downloader.may_load(link), link)
        # Another machine than this one is never spoken to without TLS, even if the API's address says so.
        self.assertFalse(Downloader([], "http://10.0.0.1:8070").may_load("http://10.0.0.1:8070/x"))

    def test_private_addresses_are_none_of_the_internet(self):
        for address in ("185.45.152.42", "2a00:1450:4001:830::200e", "8.8.8.8"):
            self.assertTrue(is_public(address), address)
        for address in (
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.1",
            "172.16.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "fe80::1%eth0",
            "fd00::1",
            "::ffff:10.0.0.1",
            "2002:7f00:1::",
            "zadarma.com",
            "",
        ):
            self.assertFalse(is_public(address), address)

    def test_recordings_are_known_by_their_first_bytes(self):
        for head, expected in (
            (MP3, "audio/mpeg"),
            (b"ID3\x04" + bytes(20), "audio/mpeg"),
            (b"\xff\xf3\x40\xc4" + bytes(20), "audio/mpeg"),
            (WAV, "audio/wav"),
            (b"<!DOCTYPE html>", ""),
            (b'{"status":"error"}', ""),
            (b"MZ\x90\x00" + bytes(20), ""),
            (b"\x7fELF" + bytes(20), ""),
            (b"RIFF\x24\x00\x00\x00AVI fmt ", ""),
            (b"\xff\xff\xff\xff" + bytes(20), ""),
            (b"\xff\xfe<\x00h\x00", ""),
            (b"", ""),
        ):
            self.assertEqual(type_of(head[:12]), expected, head[:12])


class TestDownload(ClientCase):
    def load(self, *answers, link="/x.mp3", **options):
        provider = self.provider(*answers)
        file = io.BytesIO()
        options = {"seconds": 10, **options}
        try:
            return Downloader([], provider.url).load(provider.url + link, file, **options), file.getvalue()
        finally:
            self.requests = provider.requests

    def fails(self, *answers, **options):
        with self.assertRaises(DownloadError) as caught:
            self.load(*answers, **options)
        return caught.exception.reason

    def test_recording_is_loaded_whole(self):
        for body, mimetype in ((MP3, "audio/mpeg"), (WAV, "audio/wav")):
            loaded, content = self.load(audio(body))
            self.assertEqual(content, body)
            self.assertEqual((loaded.size, loaded.mimetype, len(loaded.checksum)), (len(body), mimetype, 64))

    def test_pieces_of_unknown_number_are_loaded(self):
        head = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nTransfer-Encoding: chunked\r\n\r\n"
        piece = b"%x\r\n%s\r\n" % (len(FRAME), FRAME)
        for length in (b"", b"Content-Length: x\r\n", b"Content-Length: 1\r\n"):
            answer = raw(head.replace(b"\r\n\r\n", b"\r\n" + length + b"\r\n"), piece, piece, b"0\r\n\r\n")
            self.assertEqual(self.load(answer)[1], FRAME * 2)
        self.assertEqual(self.fails(raw(head, piece, piece)), "broken")

    def test_nothing_but_a_recording_is_loaded(self):
        for name, answer in (
            ("page", reply(b"<html></html>", Content_Type="text/html")),
            ("page that is called audio", audio(b"<html><body>Not found</body></html>")),
            (
                "answer of the API",
                reply({"status": "error", "message": "File not found"}, Content_Type="application/json"),
            ),
            ("program", audio(b"MZ\x90\x00" + bytes(1000))),
            ("recording that is called a page", audio(MP3, Content_Type="text/html")),
            ("recording of no type", reply(MP3)),
            ("picture", reply(b"\xff\xd8\xff\xe0" + bytes(1000), Content_Type="image/jpeg")),
            ("a few bytes", audio(b"\xff")),
        ):
            with self.subTest(name):
                self.assertEqual(self.fails(answer), "type")

    def test_what_is_not_there_yet_is_missing(self):
        for answer in (reply(b"File not found", 404), reply(b"", 403), reply(b"", 410), audio(b"")):
            self.assertEqual(self.fails(answer), "missing")

    def test_what_does_not_come_whole_is_broken(self):
        head = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n"
        for name, answer in (
            ("cut off", raw(head + b"Content-Length: 2880\r\n\r\n" + FRAME)),
            ("reset", reset),
            ("server error", reply(b"", 500)),
            ("busy", reply(b"", 429)),
            ("part", audio(MP3, status=206)),
            ("no length", raw(head + b"\r\n" + MP3)),
            ("odd length", raw(head + b"Content-Length: -5\r\n\r\n" + MP3)),
            ("packed", audio(MP3, Content_Encoding="br")),
        ):
            with self.subTest(name):
                self.assertEqual(self.fails(answer), "broken")

    def test_faults_by_chance_cut_no_file_short(self):
        chance = random.Random(20250301)
        wanted = [FRAME * chance.randint(1, 30) for _file in range(500)]
        answers, faults = [], 0
        for body in wanted:
            while chance.random() < 0.3:
                cut = raw(b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: 9999\r\n\r\n" + body)
                answers.append(chance.choice((cut, reset, reply(b"", 500), reply(b"", 404), reply(b"<html></html>"))))
                faults += 1
            answers.append(audio(body))
        self.assertGreater(faults, 100)
        provider = self.provider(*answers)
        downloader, loaded = Downloader([], provider.url), []
        for _try in range(len(answers)):
            file = io.BytesIO()
            with suppress(DownloadError):
                downloader.load(provider.url + "/x.mp3", file, seconds=10)
                loaded.append(file.getvalue())
        self.assertEqual(loaded, wanted)

    def test_drip_is_cut_at_the_deadline(self):
        head = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: %d\r\n\r\n" % (40 * len(FRAME))
        self.assertEqual(self.fails(raw(head, *[FRAME] * 40, pause=0.05), seconds=0.3), "broken")

    def test_large_files_are_cut(self):
        self.assertEqual(self.fails(audio(MP3), max_bytes=len(MP3) - 1), "size")
        self.assertEqual(self.load(audio(MP3), max_bytes=len(MP3))[1], MP3)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.assertEqual(self.fails(endless(head, b"%x\r\n%s\r\n" % (len(MP3), MP3)), max_bytes=100_000), "size")

    def test_redirects_are_looked_at(self):
        self.assertEqual(self.load(redirect("/y.mp3"), audio())[1], MP3)
        for link in (
            "http://169.254.169.254/",
            "http://127.0.0.1:1/",
            "file:///etc/passwd",
            "https://example.invalid/",
        ):
            self.assertEqual(self.fails(redirect(link)), "address", link)
        self.assertEqual(self.fails(redirect("http://[")), "broken")
        self.assertEqual(self.fails(redirect("/again")), "address")
        self.assertEqual(len(self.requests), 4)

    def test_links_of_strangers_are_not_followed(self):
        provider = self.provider(audio())
        with self.assertRaises(DownloadError) as caught:
            Downloader(["zadarma.com"]).load(provider.url, io.BytesIO(), seconds=5)
        self.assertEqual(caught.exception.reason, "address")
        self.assertEqual(provider.requests, [])

    def test_log_holds_no_link_that_works(self):
        with all_logs() as records:
            logging.getLogger("urllib3.connectionpool").setLevel(logging.DEBUG)
            self.load(audio(), link="/v1/pbx/record/download/c0ffee/1740823200.1234.mp3")
        text = "\n".join(record.getMessage() for record in records)
        self.assertIn("/record/download/", text)
        self.assertNotIn("c0ffee", text)


class TestConnection(TestCertificate):
    """Names are looked up once; what was looked at is what is connected to."""

    test_trusted_certificate_is_accepted = test_certificate_that_is_not_right_is_refused = None

    def load(self, *addresses, admits=None, trusted=HOST):
        context, path = self._context(trusted)
        provider = self.provider(audio(), context=context)
        asked = []

        def resolve(host, port, **_options):
            asked.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

        downloader = Downloader([HOST], resolve=resolve, admits=admits)
        file = io.BytesIO()
        with patch.dict(os.environ, {"REQUESTS_CA_BUNDLE": path}):
            try:
                downloader.load(f"https://{HOST}:{provider.server_port}/x.mp3", file, seconds=5)
            except DownloadError as error:
                return error.reason, asked, provider.requests
        return file.getvalue(), asked, provider.requests

    def test_connection_is_made_to_the_address_that_was_looked_at(self):
        found, asked, requests = self.load("127.0.0.1", admits=lambda address: address == "127.0.0.1")
        self.assertEqual((found, asked, len(requests)), (MP3, [HOST], 1))

    def test_certificate_is_for_the_name_and_not_for_the_address(self):
        found, _asked, requests = self.load("127.0.0.1", admits=lambda _address: True, trusted="127.0.0.1")
        self.assertEqual((found, requests), ("broken", []))

    def test_name_that_points_into_a_private_network_is_not_connected_to(self):
        for addresses in (["127.0.0.1"], ["10.0.0.1"], ["185.45.152.42", "127.0.0.1"], []):
            found, asked, requests = self.load(*addresses)
            self.assertEqual((found, asked, requests), ("address", [HOST], []), addresses)
        self.assertIs(module.is_public("127.0.0.1"), False)
