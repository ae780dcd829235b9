"""What the law said of a move, as a sales manager would say it.

The ledger keeps the law's own short reasons, for they are counted and compared; here they become sentences, with the names
that the business gives to stages and to people's parts. A reason that is plain already passes as it is.
"""

import re
from collections.abc import Collection, Mapping

VERDICTS: Mapping[str, str] = {
    "adopted": "from before leadsync went live: taken over as it was, not judged",
    "legal": "allowed",
    "flagged": "reported",
    "reverted": "not allowed, put back",
    "redirected": "not allowed as it was, sent on to the right stage",
    "coalesced": "allowed",
    "unmapped": "not counted",
    "not judged yet": "not judged yet",
}
"""Each verdict of the ledger as the beginning of a sentence."""

ROLES: Mapping[str, str] = {
    "ldr": "a lead development rep",
    "sales": "a sales rep",
    "marketing": "marketing",
    "ops": "sales operations",
    "automation": "a program",
    "unknown": "somebody whom the CRM does not name",
    "leadsync": "leadsync",
}

_PLAIN: tuple[tuple[str, str], ...] = (
    (r"an edge of the law", "the funnel's rules let them make this move"),
    (r"skipped 1", "passed over 1 stage, which keeps no date for this time"),
    (r"skipped (\d+)", r"passed over \1 stages, which keep no date for this time"),
    (r"actor unverified", "who made the move is not known for certain (actor unverified), so nobody is blamed for it"),
    (r"made by leadsync by a declared rule", "leadsync made the move itself, by one of the funnel's rules"),
    (r"made by leadsync by the rule (remap:.+)", r"leadsync wrote it for the job \1 of an operator"),
    (r"made by leadsync by the rule (.+)", r'leadsync made the move itself, by the rule "\1"'),
    (r"a record's first stage needs no edge", "a new record may begin in any stage"),
    (r"it came from outside the funnel", "it came in from outside the funnel"),
    (r"taken back by the same user within 15 minutes", "a slip, taken back within 15 minutes; it counts for nothing"),
    (r"converted; conversion never moves the stage by itself", "a conversion moves nobody: the stage goes on"),
    (r"collision: the contact had (.+), the lead (.+); keep", r"the contact had a stage of its own, \1, and keeps it; the lead's was \2"),
    (r"collision: the contact had (.+), the lead (.+); furthest", r"of the contact's stage, \1, and the lead's, \2, the further one counts"),
    (r"collision: the contact had (.+), the lead (.+); newest", r"of the contact's stage, \1, and the lead's, \2, the newer one counts"),
    (r"the moves in between were not seen; a legal path leads here", "the moves in between were not seen, but there is an allowed way"),
    (r"the value '(.*)' stands in no list of the mapping", r'leadsync does not know the status "\1"'),
    (r"the value '(.*)' is deprecated, (.+) should take its place", r'"\1" is an old status, \2 should take its place'),
    (r"'(.*)' is a call result, not a stage", r'"\1" is the result of a call, not a stage'),
    (r"an import that nobody has answered to is no inquiry", "it came with an imported list and has not answered to anything yet"),
    (r"no edge leads from (.+?) to (.+?)(; .*)?", r"nobody may move anyone from \1 straight to \2\3"),
    (r"legal, but its reason asks for (.+)", r"the move is allowed, but its reason asks for more: \1"),
    (r"moves to (.+?): disposition: (.+) to .+", r'leadsync keeps "\2" as the result of a call and sets the stage to \1'),
    (r"moves to (.+?): (?:revert|redirect): .+", r"leadsync moves them to \1 for it"),
    (r"moves to (.+?): import: .+", r"leadsync moves them to \1 until they answer to something"),
    (r"moves to (.+?): (.+)", r"leadsync moves them to \1: \2"),
    (r"it has fired, and nothing is new since", "it has moved them once, and nothing new has come from them since"),
    (r"(not routed: )?twin of p_.+_(lead|contact)_(\S+)", r"\1the \2 \3 has the same e-mail and goes first"),
    (r"legal, but (.+) was asked for", r"the move is allowed, but something it asks for is missing: \1"),
)  # fmt: skip
_COMPILED = tuple((re.compile(pattern), plain) for pattern, plain in _PLAIN)
_WHO = re.compile(r"(?P<who>[\w ]+?) may not make this move(?P<rest>; .*)?")


def sentence(verdict: str, why: str, labels: Mapping[str, str], *, mends: bool = False) -> str:
    """Return a verdict with its reason; `labels` are the names of stages by their keys in the rules.

    `mends` says that leadsync made the move to take back the one before.
    """
    if mends:
        return "leadsync takes the move before back; neither of them counts"
    begun = VERDICTS.get(verdict, verdict)
    if verdict == "redirected" and "is a call result" in why:
        begun = "kept as the result of a call"
    return f"{begun}: {plain(why, labels)}" if why and verdict != "adopted" else begun


def plain(why: str, labels: Mapping[str, str]) -> str:
    """Return a reason of the law in plain words, anything else but for the names of stages as it is."""
    if found := _WHO.fullmatch(why):
        parts = [ROLES.get(part, part) for part in found["who"].split(" and ")]
        return f"{' and '.join(parts)} may not make this move{with_labels(found['rest'] or '', labels)}"
    for pattern, words in _COMPILED:
        if pattern.fullmatch(why):
            why = pattern.sub(words, why, count=1)
            break
    return with_labels(why, labels)


def now_in_words(reason: str, labels: Mapping[str, str], rules: Collection[str]) -> str:
    """Return one of a decision's reasons: a judgement begins with its verdict, why a rule does nothing with its name."""
    begun, _, why = reason.partition(": ")
    if begun in VERDICTS:
        return sentence(begun, why, labels)
    if rule := next((name for name in rules if reason.startswith(f"{name}: ")), None):
        return f'the rule "{rule}" fits, but does nothing now: {plain(reason.removeprefix(f"{rule}: "), labels)}'
    return plain(reason, labels)


def with_labels(text: str, labels: Mapping[str, str]) -> str:
    """Return a text in which stages go by the names that the business gives them; what stands in quotes is a status."""
    parts = text.split('"')
    parts[::2] = [re.sub(r"\b\w+\b", lambda word: labels.get(word[0], word[0]), part) for part in parts[::2]]
    return '"'.join(parts)
