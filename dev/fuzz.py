"""Feed what comes from Zadarma with bytes that find their way into ever more of the code.

    .odoo/venv/bin/python dev/fuzz.py [--seconds N] [TARGET…]

Atheris watches which lines an input reaches and goes on from those that reach new ones. What is found so far is kept in
`.odoo/fuzz/` and is where the next run begins; an input that breaks something is kept there, too, and shown.
"""

import argparse
import io
import json
import logging
import sys
from datetime import datetime, timezone

from common import HOME, PYTHON, ROOT, CommandError, call, command

# For Linux on x86_64 alone there are wheels of it, so it is no requirement of anything else.
ATHERIS = "atheris==3.0.0"
FOLDER = HOME / "fuzz"
PACKAGES = FOLDER / "packages"
NOW = datetime(2025, 3, 1, 10, tzinfo=timezone.utc)


def main():
    """Run each target for its share of the time; return how many were broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, metavar="N", help="for how long, in all (60)")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"{', '.join(TARGETS)} (all)")
    options = parser.parse_args()
    if unknown := set(options.targets) - TARGETS.keys():
        raise CommandError(f"there is no target {', '.join(sorted(unknown))}")
    if options.inside:
        return fuzz(options.targets[0], options.seconds)
    install()
    targets = options.targets or list(TARGETS)
    broken = [target for target in targets if run(target, max(1, options.seconds // len(targets)))]
    print(f"Broken: {', '.join(broken)}" if broken else f"Nothing breaks {', '.join(targets)}.")
    return len(broken)


def install():
    """Bring Atheris into a folder of its own, where nothing but this command looks."""
    if (PACKAGES / "atheris").is_dir():
        return
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--no-input", "--only-binary", ":all:", "--target", PACKAGES]
    if call([*pip, ATHERIS]):
        raise CommandError(f"there is no {ATHERIS} for this machine and this Python; see pip's reason above")


def run(target, seconds):
    """Fuzz a target in a process of its own, which ends as soon as something breaks; return its exit code."""
    print(f"{target}: {seconds} s", flush=True)
    arguments = [PYTHON, ROOT / "dev" / "fuzz.py", "--inside", "--seconds", seconds, target]
    code = call(arguments, cwd=ROOT)
    print(f"{target}: {'BROKEN' if code else 'ok'}", flush=True)
    return code


def fuzz(target, seconds):
    """Run a target; never returns, as libFuzzer ends the process."""
    sys.path[:0] = [str(ROOT), str(PACKAGES)]
    import atheris  # noqa: PLC0415 - brought by this command alone

    with atheris.instrument_imports(include=["zadarma_api"]):
        import zadarma_api  # noqa: F401, PLC0415

        function = TARGETS[target]()
    logging.disable(logging.CRITICAL)
    corpus = FOLDER / target
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[target]):
        (corpus / f"seed-{number}").write_bytes(seed.encode("latin-1"))
    limits = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=10", "-print_final_stats=1", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={FOLDER}/{target}-", str(corpus)], function)
    atheris.Fuzz()


# --- targets: each returns a function of bytes, in which any exception but the documented ones is a find --- #


def fuzz_events():
    """Fuzz a notification from its form fields to the call it folds to."""
    from zadarma_api.events import EventError, event_key, parse_event  # noqa: PLC0415
    from zadarma_api.fold import fold  # noqa: PLC0415
    from zadarma_api.signature import verify_webhook, webhook_signature  # noqa: PLC0415

    def target(data):
        events = []
        for line in _text(data).split("\x1e")[:6]:
            form = dict(field.partition("=")[::2] for field in line.split("\x1f"))
            assert verify_webhook("secret", form, webhook_signature("secret", form)) in (True, False)
            assert len(event_key(form)) == 64
            try:
                events.append(parse_event({"pbx_call_id": "in_1", **form}, NOW, timezone.utc))
            except EventError:
                continue
        if events:
            state = fold(events)
            assert state == fold(reversed(events))
            assert state.ended_at is None or state.ended_at >= state.started_at

    return target


def fuzz_answers():
    """Fuzz an answer of the API from its bytes."""
    from zadarma_api import client as module  # noqa: PLC0415
    from zadarma_api.errors import ZadarmaError  # noqa: PLC0415

    client = module.ZadarmaClient("key", "secret")

    def target(data):
        status, headers, body = _reply(data)
        client._send = lambda *_args: (_response(status, headers, b""), body)
        try:
            answer = client.get("/v1/info/balance/", retry=False)
        except ZadarmaError as error:
            assert error.message.isprintable()
        else:
            repr(answer).encode()

    return target


def fuzz_statistics():
    """Fuzz the rows of the statistics."""
    from zadarma_api.client import _json_object  # noqa: PLC0415
    from zadarma_api.errors import ZadarmaError  # noqa: PLC0415
    from zadarma_api.statistics import RowError, kept_row, merge, parse_row, rows_of  # noqa: PLC0415

    def target(data):
        answer, parsed = _json_object(data) or {}, []
        for rows in ({"stats": [answer]}, answer):
            try:
                found = rows_of(rows)
            except ZadarmaError:
                continue
            for row in found:
                try:
                    row = parse_row({"pbx_call_id": "in_1", **row} if isinstance(row, dict) else row, NOW, timezone.utc)
                except RowError:
                    continue
                json.dumps(kept_row(row))
                if row.pbx_call_id == "in_1":
                    parsed.append(row)
        if parsed:
            merge(None, parsed)

    return target


def fuzz_transcripts():
    """Fuzz the answer that holds a transcript."""
    from zadarma_api.client import _json_object  # noqa: PLC0415
    from zadarma_api.transcript import parse_transcript  # noqa: PLC0415

    def target(data):
        answer = _json_object(data) or {}
        for line in parse_transcript({"recognitionStatus": "recognized", **answer}).lines:
            assert line.text.isprintable()

    return target


def fuzz_recordings():
    """Fuzz a file that is loaded, and the links to it."""
    from zadarma_api.recordings import Downloader, DownloadError, key_of  # noqa: PLC0415

    downloader = Downloader()

    def target(data):
        status, headers, body = _reply(data)
        link = _text(body[:200])
        key_of(link)
        assert not (downloader.may_load(link) and "zadarma.com" not in link.lower())
        downloader._get = lambda *_args: _response(status, headers, body)
        try:
            file = io.BytesIO()
            assert downloader.load("https://zadarma.com/x.mp3", file, seconds=5).size == len(file.getvalue())
        except DownloadError:
            return

    return target


def fuzz_numbers():
    """Fuzz what is taken for telephone numbers."""
    from zadarma_api.blocking import PatternError, parse_pattern  # noqa: PLC0415
    from zadarma_api.numbers import Kind, format_number, parse_number, parse_typed_number  # noqa: PLC0415

    def target(data):
        text = _text(data)
        for country in ("", "DE", "PL"):
            for parse in (parse_number, parse_typed_number):
                number = parse(text, country)
                assert (number.kind is Kind.EXTERNAL) <= number.e164.startswith("+")
                format_number(number.e164)
            try:
                parse_pattern(text, country)
            except PatternError:
                continue

    return target


TARGETS = {
    "events": fuzz_events,
    "answers": fuzz_answers,
    "statistics": fuzz_statistics,
    "transcripts": fuzz_transcripts,
    "recordings": fuzz_recordings,
    "numbers": fuzz_numbers,
}


# What makes sense, for the fuzzer to begin with.
SEEDS = {
    "events": [
        "event=NOTIFY_START\x1fcall_start=2025-03-01 09:59:00\x1fcaller_id=+4917012345678\x1fcalled_did=493012345678"
        "\x1eevent=NOTIFY_INTERNAL\x1fcall_start=2025-03-01 09:59:00\x1finternal=101\x1ftransfer_from=102"
        "\x1eevent=NOTIFY_ANSWER\x1fcall_start=2025-03-01 09:59:00\x1fdestination=101\x1finternal=101"
        "\x1eevent=NOTIFY_END\x1fcall_start=2025-03-01 09:59:00\x1fduration=42\x1fdisposition=answered"
        "\x1flast_internal=101\x1fis_recorded=1\x1fcall_id_with_rec=1740823200.1234\x1fstatus_code=16",
        "event=NOTIFY_OUT_START\x1fcall_start=2025-03-01 09:59:00\x1fdestination=100\x1finternal=100"
        "\x1fcalltype=callback_leg1\x1eevent=NOTIFY_OUT_END\x1fcall_start=2025-03-01 09:59:00"
        "\x1fdestination=442037691880\x1finternal=100\x1fcalltype=callback_leg2\x1fduration=5\x1fdisposition=no answer",
        "event=NOTIFY_RECORD\x1fpbx_call_id=out_2\x1fcall_id_with_rec=1740823200.1234",
    ],
    "answers": [
        "200\nX-RateLimit-Limit:100\nX-RateLimit-Remaining:3\nX-RateLimit-Reset:1740823200\n\n"
        '{"status": "success", "a": 1.5}',
        '429\nRetry-After:60\n\n{"status": "error", "message": "You exceeded the rate limit"}',
        "401\nContent-Type:text/html\n\n<html>",
    ],
    "statistics": [
        '{"stats": [{"pbx_call_id": "in_1", "callstart": "2025-03-01 09:59:00", "call_id": "1740823200.1234",'
        ' "sip": "101", "clid": "Ada <+4917012345678>", "destination": 442037691880,'
        ' "disposition": "answered", "seconds": "42", "is_recorded": "true"}]}',
    ],
    "transcripts": [
        '{"words": [{"channel": "1", "result": [{"s": 1.5, "e": "2", "w": "hello"},'
        ' {"s": "3s", "e": null, "w": "you"}]}], "phrases": [{"channel": 2, "result": "hello you"}]}',
        '{"phrases": [{"channel": 2, "result": "hello you"}]}',
    ],
    "recordings": [
        "200\nContent-Type:audio/mpeg\nContent-Length:16\n\n\xff\xfb\x18\xc4" + 12 * "\0",
        "302\nLocation:https://api.zadarma.com/v1/pbx/record/download/token/1740823200.1234.mp3\n\n",
        "200\nContent-Type:audio/wav\nTransfer-Encoding:chunked\n\nRIFF\x24\0\0\0WAVEfmt ",
        "200\nContent-Type:audio/mpeg\n\nhttps://api.zadarma.com/v1/pbx/record/download/token/1740823200.1234.mp3",
    ],
    "numbers": ["+4917012345678", "0170 12345678", "499499-100", "4822*", "anonymous", "tel:+48 22 123-45-67;ext=5"],
}


def _text(data):
    return data.decode("utf-8", "replace")


def _reply(data):
    """Return a status, headers and a body that some bytes stand for: a line each, and what is left."""
    first, _end, rest = data.partition(b"\n")
    head, _end, body = rest.partition(b"\n\n")
    headers = dict(line.partition(":")[::2] for line in _text(head).split("\n") if ":" in line)
    return (int(first) if first.isdigit() and len(first) == 3 else 200), headers, body


def _response(status, headers, body):
    import requests  # noqa: PLC0415
    import urllib3  # noqa: PLC0415

    response = requests.Response()
    response.status_code, response.url = status, "https://zadarma.com/x.mp3"
    response.headers.update(headers)
    response.raw = urllib3.HTTPResponse(io.BytesIO(body), headers=headers, status=status, preload_content=False)
    return response


if __name__ == "__main__":
    command(main)
