"""Whose extension is it? A proposal, for a person to confirm."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from anyascii import anyascii


def propose(extensions: Mapping[str, Iterable[str]], people: Mapping[int, Iterable[str]]) -> dict[str, int]:
    """Return who each extension may belong to.

    Only what is clear is proposed: one person whose e-mail address, login or name is the extension's, and who is
    nobody else's choice.

    :param extensions: what Zadarma says of each extension, such as its name and e-mail addresses.
    :param people: e-mail address, login and name of each person without an extension.
    """
    owners = defaultdict(set)
    for person, words in people.items():
        for key in filter(None, map(_key, words)):
            owners[key].add(person)
    found = {}
    for extension, words in extensions.items():
        matches = [owners[key] for key in map(_key, words) if key in owners]
        candidates = set.union(*matches) if matches else set()
        if len(candidates) == 1:
            found[extension] = candidates.pop()
    chosen = list(found.values())
    return {extension: person for extension, person in found.items() if chosen.count(person) == 1}


def _key(text: str) -> str:
    """Return a text in the form in which it is compared: Latin letters, small, the words of a name in any order."""
    plain = anyascii(text or "").casefold().strip()
    return plain if "@" in plain else " ".join(sorted(plain.replace(",", " ").replace(".", " ").split()))
