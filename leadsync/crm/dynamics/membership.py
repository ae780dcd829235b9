"""Nurture: people join a marketing list while they wait, and leave it afterwards.

A list holds members of one kind, so a name may stand for two lists, one of leads and one of contacts. Joining is
idempotent by asking first: who is a member already needs nothing, so a lost answer is simply asked again.
"""

from collections.abc import Mapping, Sequence

from leadsync.crm.dynamics.client import Client
from leadsync.crm.dynamics.multipart import Part, batch_answers
from leadsync.crm.dynamics.odata import any_of, guid, guids, literal, path, portions
from leadsync.crm.dynamics.verdicts import BUSY_PAUSE, LONGEST_PAUSE, fault_of, judged
from leadsync.crm.sending import UNREACHABLE_PAUSE, all_alike
from leadsync.domain.effects import Membership, Outcome
from leadsync.domain.mapping import Nurture
from leadsync.errors import CrmUnavailable, LeadsyncError, ObjectBlocked, OutcomeUnknown
from leadsync.http import Answer, retry_after

_HOLDS = {"contact": 2, "lead": 4}  # createdfromcode of a list
_TOGETHER = 50
_NO_SUCH_ACTION = (400, 404, 405, 501)


class Joiner:
    """Adds and removes members of marketing lists in one environment."""

    def __init__(self, client: Client, nurture: Mapping[str, Nurture]) -> None:
        self._client, self._nurture = client, nurture
        self._lists: dict[tuple[str, str], str] = {}

    def join(self, memberships: Sequence[Membership]) -> tuple[Outcome, ...]:
        """Return what became of each wish, in order."""
        ends: dict[int, Outcome] = {}
        for key in dict.fromkeys((one.nurture, one.ref.object, one.join) for one in memberships):
            places = [place for place, one in enumerate(memberships) if (one.nurture, one.ref.object, one.join) == key]
            for start in range(0, len(places), _TOGETHER):
                some = places[start : start + _TOGETHER]
                ends.update(zip(some, self._some([memberships[place] for place in some]), strict=True))
        return tuple(ends[place] for place in range(len(memberships)))

    def _some(self, wishes: Sequence[Membership]) -> list[Outcome]:
        """Carry out wishes that are alike in list and direction."""
        first = wishes[0]
        try:
            found = self._list(self._nurture.get(first.nurture), first.ref.object)
            members = self._members(found, wishes)
        except ObjectBlocked as error:
            return all_alike(wishes, "rejected", str(error))
        except (CrmUnavailable, OutcomeUnknown) as error:
            wait = getattr(error, "retry_after", None) or UNREACHABLE_PAUSE
            return all_alike(wishes, "pending", "UNREACHABLE", wait)
        needed = [wish for wish in wishes if (wish.ref.id in members) != wish.join]
        done = {one.effect_id: one for one in self._sent(found, needed, members)} if needed else {}
        return [done.get(wish.effect_id, Outcome(wish.effect_id, "applied")) for wish in wishes]

    def _list(self, nurture: Nurture | None, object_name: str) -> str:
        if nurture is None or not nurture.marketing_list:
            raise ObjectBlocked("NO_LIST_MAPPED")
        key = (nurture.marketing_list, object_name)
        if key not in self._lists:
            named = f"listname eq {literal(key[0])} and createdfromcode eq {_HOLDS[object_name]}"
            rows = self._client.rows(path("lists", ("listid",), named, order="listid asc"), "list")
            if not rows:
                raise ObjectBlocked(f"NO_LIST_OF_{object_name.upper()}S")
            self._lists[key] = str(rows[0]["listid"])
        return self._lists[key]

    def _members(self, found: str, wishes: Sequence[Membership]) -> dict[str, str]:
        """Return who of them is a member now: person id to member id."""
        keys = guids(wish.ref.id for wish in wishes)
        select = ("listmemberid", "_entityid_value")
        queries = [
            path("listmembers", select, f"_listid_value eq {found} and {any_of('_entityid_value', some)}")
            for some in portions(keys)
        ]
        rows = self._client.gathered(queries, "listmember")
        return {str(row.get("_entityid_value")): str(row.get("listmemberid")) for row in rows}

    def _sent(self, found: str, wishes: Sequence[Membership], members: Mapping[str, str]) -> list[Outcome]:
        action = "AddMemberList" if wishes[0].join else "RemoveMemberList"
        parts = [
            Part(f"lists({found})/Microsoft.Dynamics.CRM.{action}", "POST", body={"EntityId": guid(wish.ref.id)})
            for wish in wishes
        ]
        try:
            answers = self._answers(parts)
            unknown = [place for place, one in enumerate(answers) if one.status in _NO_SUCH_ACTION]
            if unknown and not wishes[0].join:
                # RemoveMemberList is not offered everywhere; the member's own row can be deleted everywhere.
                rows = [Part(f"listmembers({members[wishes[place].ref.id]})", "DELETE") for place in unknown]
                for place, one in zip(unknown, self._answers(rows), strict=True):
                    answers[place] = one
        except OutcomeUnknown:
            return all_alike(wishes, "unknown", "NO_ANSWER")
        except LeadsyncError as error:
            wait = getattr(error, "retry_after", None) or 60.0
            return all_alike(wishes, "pending", "NOT_SENT", wait)
        return [_judged(wish, one) for wish, one in zip(wishes, answers, strict=True)]

    def _answers(self, parts: Sequence[Part]) -> list[Answer]:
        answer = self._client.batch(parts, urgent=False)
        if answer.status != 200:
            return [answer] * len(parts)
        try:
            return batch_answers(answer, len(parts))
        except CrmUnavailable:
            raise OutcomeUnknown("the answers to a batch do not fit") from None


def _judged(wish: Membership, answer: Answer) -> Outcome:
    fault = fault_of(answer.body) if answer.status >= 400 else None
    if not wish.join and fault is not None and fault.kind() == "gone":  # somebody else was quicker
        return Outcome(wish.effect_id, "applied")
    return judged(wish.effect_id, answer.status, fault, retry_after(answer, BUSY_PAUSE, LONGEST_PAUSE))
