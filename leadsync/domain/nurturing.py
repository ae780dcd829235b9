"""Which nurture campaign or marketing list people join while they wait in Re-Market, and which they leave (design.md 5.2)."""

from collections.abc import Iterable
from datetime import datetime

from leadsync.domain.effects import Membership, effect_id
from leadsync.domain.persons import entries
from leadsync.domain.recycling import reason_kept
from leadsync.domain.standing import Standing


def memberships(standing: Standing) -> list[Membership]:
    """Return which nurture list a person joins on coming into Re-Market, and which they leave on going out of it.

    By the reason of that stay, and only for stays since going live; one that is replaced in time leads from list to list,
    and whoever opted out joins none. Whoever a correction led back joins once more.
    """
    grounds, law, entered = standing.grounds, standing.grounds.law, standing.stay.entered_by
    if entered is None or entered.is_adopted or not grounds.is_live(entered.at):
        return []
    if entered.is_held or standing.twin is not None:
        return []
    recycle = law.with_role("recycle")
    if standing.stay.stage in recycle:
        reason = standing.hold.reason if standing.hold else None
        wanted = set() if opted_out(standing) else _named(standing, {reason.key if reason else None})
        spent = _named(standing, {entered.reason}) - wanted
        last = standing.moves[-1]
        at = last.at if last.correction else entered.at
        return [_membership(standing, name, at, join=name in wanted) for name in sorted(wanted | spent)]
    before = next((entry for entry in reversed(entries(standing.moves)[:-1])), None)
    if before is None or before.to_stage not in recycle:
        return []
    reasons = {before.reason, reason_kept(standing.situation.memory, before.at)}
    return [_membership(standing, name, entered.at, join=False) for name in sorted(_named(standing, reasons))]


def _named(standing: Standing, reasons: Iterable[str | None]) -> set[str]:
    """Return the nurture lists of these reasons that this CRM has."""
    law, mapping = standing.grounds.law, standing.grounds.mapping
    found = (law.reason_by_label(reason) for reason in reasons)
    return {reason.nurture for reason in found if reason and reason.nurture in mapping.nurture and reason.nurture}


def _membership(standing: Standing, nurture: str, at: datetime, *, join: bool) -> Membership:
    """Return the wish to join or to leave; the same move, dated `at`, wishes the same once."""
    ref = standing.record.ref
    return Membership(
        effect_id=effect_id("membership", ref, nurture, join, at),
        ref=ref,
        nurture=nurture,
        join=join,
        group_id=f"membership:{nurture}",
    )


def opted_out(standing: Standing) -> bool:
    """Say whether the person has said no to marketing in one of the fields that the mapping names for it."""
    fields = standing.grounds.mapping.objects[standing.record.ref.object].fields
    return any(field.opt_out and standing.record.fields.get(name) is True for name, field in fields.items())
