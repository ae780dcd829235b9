"""Builds every object of a running leadsync, by hand, in one readable place.

What stands behind each `kind:` of config is the business of `building`.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Event

from leadsync.building import build_crms, channels_for
from leadsync.clock import Clock, SystemClock
from leadsync.cycle import ALL_KINDS, Cycle, Rules
from leadsync.delivery import Hindrance
from leadsync.domain.instants import from_text
from leadsync.domain.rulebook import Rulebook
from leadsync.domain.standing import Grounds
from leadsync.hygiene import FORMATS
from leadsync.ledger import Ledger, open_ledger
from leadsync.ports import Channel, Crm
from leadsync.settings import Loaded, load
from leadsync.settings.runtime import Settings

DISK_FLOOR = 64 * 1024 * 1024
"""Free bytes beside the ledger below which nothing is sent: what cannot be written down must not be done."""


@dataclass(slots=True)
class App:
    """Everything of one configuration, over one ledger. `unset` names channels that lack something, with what to set."""

    loaded: Loaded
    ledger: Ledger
    crms: Mapping[str, Crm]
    channels: Mapping[str, Channel]
    rules: Rules
    clock: Clock
    stop: Event
    unset: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """Return how the daemon runs."""
        return self.loaded.settings

    @property
    def rulebook(self) -> Rulebook:
        """Return what the business wants."""
        return self.loaded.rulebook

    def grounds(self, crm: str, now: datetime | None) -> Grounds:
        """Return what a decision read from the ledger alone stands on; now is the last instant seen of the CRM."""
        ledger = self.ledger
        moment = now or self.seen_at(crm) or self.clock.wall()
        return Grounds(
            rulebook=self.rulebook,
            crm=crm,
            directory=ledger.directory(crm, ledger.meta(f"user:{crm}") or "", moment),
            now=moment,
            go_live_at=self.rules.go_live_at or ledger.go_live(crm) or moment,
            kinds=ALL_KINDS,
            link=self.settings.crms[crm].url,
            adopted=ledger.adopted_rules(self.rulebook.law, moment),
            formats=FORMATS,
        )

    def seen_at(self, crm: str) -> datetime | None:
        """Return the last instant that the CRM is known to have told, None before the first cycle."""
        seen = self.ledger.meta(f"seen:{crm}")
        return from_text(seen) if seen else None

    def hindrance(self) -> Hindrance | None:
        """Return why nothing may be sent now, None when nothing is in the way (reliability.md 3, 6, 9)."""
        if why := self.ledger.recovery():
            return Hindrance(
                "recovery", f"an older ledger was {why}; look at `leadsync outbox list`, then say `leadsync recover`"
            )
        folder = self.ledger.path.parent
        if (folder / "pause").exists():
            return Hindrance("paused", f"{folder / 'pause'} is there; remove it to go on")
        free = shutil.disk_usage(folder).free
        if free < DISK_FLOOR:
            return Hindrance("disk_low", f"{free >> 20} MiB are free at {folder}; make room, it goes on by itself")
        return None

    def adopt(self, loaded: Loaded, rules: Rules, env: Mapping[str, str]) -> None:
        """Go over to newly loaded files between cycles; the ledger stays open."""
        crms = build_crms(loaded, env, self.clock, self.stop)
        # Everything is built before anything is taken over: nothing may leave half of the new files live.
        channels, unset = channels_for(loaded, env, crms, delivering=bool(rules.deliver))
        self.loaded, self.rules, self.crms, self.channels, self.unset = loaded, rules, crms, channels, unset

    def cycles(self) -> Mapping[str, Cycle]:
        """Return the cycle of each CRM, by the CRM's name."""
        return {name: self.cycle(name) for name in self.crms}

    def cycle(self, name: str) -> Cycle:
        """Return the cycle of one CRM."""
        return Cycle(
            self.crms[name],
            self.ledger,
            self.rules,
            self.channels,
            alerts=self.settings.alerts.to,
            link=self.settings.crms[name].url,
            stopping=self.stop.is_set,
            unset=self.unset,
            hindrance=self.hindrance,
        )


@contextmanager
def open_app(
    config: Path,
    mappings: Path,
    env: Mapping[str, str],
    *,
    deliver: Sequence[str] | None = None,
    read_only: bool = False,
    stop: Event | None = None,
    clock: Clock | None = None,
) -> Iterator[App]:
    """Yield the whole application; `deliver` replaces what config says may be delivered.

    Raises ConfigError with every problem of every file, LockHeld when another process writes the ledger.
    """
    loaded = load(config, mappings, env)
    stop = stop or Event()
    clock = clock or SystemClock(stop)
    ledger = open_ledger(Path(loaded.settings.ledger.location), read_only=read_only)
    try:
        crms = build_crms(loaded, env, clock, stop)
        rules = build_rules(loaded, deliver)
        channels, unset = channels_for(loaded, env, crms, delivering=bool(rules.deliver) and not read_only)
        yield App(
            loaded=loaded,
            ledger=ledger,
            crms=crms,
            channels=channels,
            rules=rules,
            clock=clock,
            stop=stop,
            unset=unset,
        )
    finally:
        ledger.close()


def build_rules(loaded: Loaded, deliver: Sequence[str] | None = None) -> Rules:
    """Return what the cycle goes by."""
    settings = loaded.settings
    return Rules(
        rulebook=loaded.rulebook,
        deliver=frozenset(settings.deliver if deliver is None else deliver),
        go_live_at=settings.go_live_at,
        limits=settings.limits.writes,
    )
