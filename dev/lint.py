"""Run every linter over the addon and its tools; `--fix` lets those that can change the files.

Odoo's linters look for the addon below the folder they are run in, so they see a copy that is called as the addon is.
"""

import argparse
import re
import shutil
import subprocess
import time
import xml.parsers.expat
from pathlib import Path

from common import HOME, NODE, PYTHON, ROOT, command

BIN = PYTHON.parent
COPY = HOME / "lint" / "zadarma"
# Of these a text check knows nothing.
BINARY = {".gif", ".ico", ".jpg", ".mp3", ".ogg", ".png", ".wav", ".webp", ".woff2"}


def main():
    """Run all linters and return how many found something."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fix", action="store_true", help="let the linters that can change the files")
    fix = parser.parse_args().fix
    files = tracked_files()
    copy_addon(files)
    failed = []
    for name, check in checks(files, fix):
        started = time.monotonic()
        problems = check()
        print(f"{name}: {'FAILED' if problems else 'ok'} ({time.monotonic() - started:.1f} s)", flush=True)
        failed += [name] if problems else []
    print(f"{len(failed)} linters found something: {', '.join(failed)}" if failed else "All linters are content.")
    return len(failed)


def tracked_files():
    """Return the files git knows or would add, relative to the root."""
    names = subprocess.check_output(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, text=True)
    return sorted(path for path in map(Path, names.split("\0")[:-1]) if (ROOT / path).is_file())


def copy_addon(files):
    """Lay what belongs to the addon into a folder with its name."""
    shutil.rmtree(COPY, ignore_errors=True)
    for path in files:
        if path.parts[0] != "dev":
            (COPY / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, COPY / path)


def checks(files, fix):
    """Yield each linter's name and the function that runs it, whose answer is true if it found something."""

    def having(*suffixes):
        return [path for path in files if path.suffix in suffixes]

    def run(*arguments, cwd=ROOT):
        return lambda: subprocess.run(arguments, cwd=cwd, stdin=subprocess.DEVNULL, check=False).returncode

    def run_in_copy(*arguments):
        return run(*arguments, cwd=COPY.parent)

    scripts, styles, catalogues = having(".js", ".mjs"), having(".js", ".mjs", ".scss"), having(".po", ".pot")
    node, prettier = NODE / "node_modules" / ".bin", ["--config", NODE / "prettier.config.json"]
    yield "ruff", run(BIN / "ruff", "check", *(["--fix"] if fix else []), ".")
    yield "ruff format", run(BIN / "ruff", "format", *([] if fix else ["--check", "--diff"]), ".")
    yield "pylint-odoo", run_in_copy(BIN / "pylint", f"--rcfile={ROOT}/.pylintrc-mandatory", COPY.name)
    yield "pylint (advice)", run_in_copy(BIN / "pylint", f"--rcfile={ROOT}/.pylintrc", "--exit-zero", COPY.name)
    yield (
        "OCA checks",
        run_in_copy(BIN / "oca-checks-odoo-module", f"--config={ROOT}/.oca_hooks.cfg", f"{COPY.name}/__manifest__.py"),
    )
    if catalogues:
        yield "OCA translations", run(BIN / "oca-checks-po", f"--config={ROOT}/.oca_hooks.cfg", *catalogues)
    template = "{relpath}:{line}: {test_id} {msg}"
    yield (
        "bandit",
        run_in_copy(
            *(BIN / "bandit", "-q", "-c", ROOT / "pyproject.toml"),
            *("-f", "custom", "--msg-template", template, "-r", COPY.name),
        ),
    )
    if scripts:
        rules = ["--config", NODE / "eslint.config.mjs"]
        yield "eslint", run(node / "eslint", *rules, *(["--fix"] if fix else []), *scripts)
    if styles:
        yield "prettier", run(node / "prettier", "--write" if fix else "--check", *prettier, *styles)
    yield "XML", lambda: report(having(".xml"), check_xml)
    yield "text", lambda: report([path for path in files if path.suffix not in BINARY], check_text)
    yield "shell", run("bash", "-n", *[path for path in files if path.suffix == ".sh" or path.parts[0] == ".ci"])


# --- our own --- #


def report(paths, check):
    """Print what `check` has to say about each file; return whether it was anything."""
    problems = [f"{path}:{line}: {text}" for path in paths for line, text in check((ROOT / path).read_bytes())]
    print(*problems, sep="\n", end="\n" if problems else "")
    return bool(problems)


def check_text(content):
    """Yield the lines with white space that no editor shows."""
    for number, line in enumerate(content.split(b"\n"), 1):
        if re.search(rb"[ \t\r]$", line):
            yield number, "white space at the end of the line"
    if content and not content.endswith(b"\n"):
        yield content.count(b"\n") + 1, "no line break at the end of the file"


def check_xml(content):
    """Yield where the file is not XML, or a tag that begins its line is not indented by four spaces a level."""
    lines, problems, depth = content.split(b"\n"), [], 0
    parser = xml.parsers.expat.ParserCreate()

    def check_indent():
        number, column = parser.CurrentLineNumber, parser.CurrentColumnNumber
        before = lines[number - 1].decode()[:column]
        if not before.strip() and before != "    " * depth:
            problems.append((number, f"indented by {len(before)}, not by {4 * depth}"))

    def start(_name, _attributes):
        nonlocal depth
        check_indent()
        depth += 1

    def end(_name):
        nonlocal depth
        depth -= 1
        check_indent()

    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(content, True)
    except xml.parsers.expat.ExpatError as error:
        problems.append((error.lineno, str(error)))
    return problems


if __name__ == "__main__":
    command(main)
