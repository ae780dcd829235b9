"""Builds the channels of config, and says what those still need that cannot send yet.

A task for a person is made in the CRM that the person is in, so that channel alone needs the adapters.
"""

from collections.abc import Mapping
from types import MappingProxyType

from leadsync import channels
from leadsync.building.crms import KINDS
from leadsync.clock import SystemClock
from leadsync.domain.records import Ref
from leadsync.errors import ConfigError, CrmRejected
from leadsync.ports import Channel, Crm
from leadsync.settings import Loaded
from leadsync.settings.credentials import channel_secrets


def channels_for(
    loaded: Loaded, env: Mapping[str, str], crms: Mapping[str, Crm], *, delivering: bool
) -> tuple[Mapping[str, Channel], Mapping[str, str]]:
    """Return the channels and, by name, what those still need that cannot send yet."""
    if not delivering:
        return build_channels(loaded, env, crms, watching=True), {}
    ready, problems = _set_up(loaded, env, crms)
    return ready, {name: "; ".join(lines) for name, lines in problems.items()}


def build_channels(
    loaded: Loaded,
    env: Mapping[str, str],
    crms: Mapping[str, Crm] = MappingProxyType({}),
    *,
    watching: bool = False,
) -> Mapping[str, Channel]:
    """Return every channel of config by its name; tasks for people are made in `crms`.

    Raises ConfigError with every secret of every channel that is missing or of no use. While leadsync only watches, such
    a channel writes to the log instead: a first look at an org needs nobody's webhook.
    """
    ready, problems = _set_up(loaded, env, crms)
    if problems and not watching:
        lines = tuple(line for lines in problems.values() for line in lines)
        raise ConfigError(f"{len(lines)} problems with channels; their messages wait until they are mended", lines)
    return {name: ready.get(name) or channels.LogChannel(name) for name in loaded.settings.channels}


def _set_up(
    loaded: Loaded, env: Mapping[str, str], crms: Mapping[str, Crm]
) -> tuple[Mapping[str, Channel], Mapping[str, tuple[str, ...]]]:
    """Return the channels that have what they need, and the problems of the others."""

    def create_task(subject: str, text: str, owner_id: str, ref: Ref, key: str) -> None:
        if ref.crm not in crms:
            raise CrmRejected(f"leadsync makes no tasks in {ref.crm or 'no CRM'}")
        KINDS[loaded.settings.crms[ref.crm].kind].tasks(crms[ref.crm])(subject, text, owner_id, ref, key)

    ready: dict[str, Channel] = {}
    problems: dict[str, tuple[str, ...]] = {}
    for name, spec in loaded.settings.channels.items():
        try:
            ready[name] = channels.build(
                name,
                spec,
                channel_secrets(name, env),
                loaded.settings.channel_hosts,
                clock=SystemClock(),
                create_task=create_task,
            )
        except ConfigError as error:
            problems[name] = error.problems or (str(error),)
    return ready, problems
