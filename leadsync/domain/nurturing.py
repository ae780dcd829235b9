"""Which nurture campaign or marketing list people join while they wait in Re-Market, and which they leave (design.md 5.2)."""

from leadsync.domain.effects import Membership, effect_id
from leadsync.domain.persons import entries
from leadsync.domain.standing import Standing
from leadsync.domain.transitions import Transition


def memberships(standing: Standing) -> list[Membership]:
    """Return which nurture list a person joins on coming into Re-Market, and which they leave on going out of it.

    By the reason of that stay, and only for stays since going live; whoever opted out joins none.
    """
    grounds, law, entered = standing.grounds, standing.grounds.law, standing.stay.entered_by
    if entered is None or entered.verdict == "adopted" or not grounds.is_live(entered.at):
        return []
    if entered.bulk_id is not None or standing.twin is not None:
        return []
    recycle = law.with_role("recycle")
    if standing.stay.stage in recycle:
        reason = standing.hold.reason if standing.hold else None
        wanted = [] if opted_out(standing) else _named(standing, reason.nurture if reason else None)
        return [_membership(standing, name, entered, join=True) for name in wanted]
    before = next((entry for entry in reversed(entries(standing.moves)[:-1])), None)
    if before is None or before.to_stage not in recycle:
        return []
    spent = law.reason_by_label(before.reason)
    return [
        _membership(standing, name, before, join=False) for name in _named(standing, spent.nurture if spent else None)
    ]


def _named(standing: Standing, nurture: str | None) -> list[str]:
    return [nurture] if nurture is not None and nurture in standing.grounds.mapping.nurture else []


def _membership(standing: Standing, nurture: str, came: Transition, *, join: bool) -> Membership:
    ref = standing.record.ref
    return Membership(
        effect_id=effect_id("membership", ref, nurture, join, came.at),
        ref=ref,
        nurture=nurture,
        join=join,
        group_id=f"membership:{nurture}",
    )


def opted_out(standing: Standing) -> bool:
    """Say whether the person has said no to marketing in one of the fields that the mapping names for it."""
    fields = standing.grounds.mapping.objects[standing.record.ref.object].fields
    return any(field.opt_out and standing.record.fields.get(name) is True for name, field in fields.items())
