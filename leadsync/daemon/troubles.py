"""Trouble with leadsync itself: shown by /readyz while it lasts, told once when it begins, and what says that we live.

What has been told is remembered in the ledger, so that a restart does not tell it again. These messages are about no
person and are in no outbox: one that is not accepted is tried again after the next cycle.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from leadsync import logs
from leadsync.app import App
from leadsync.domain.effects import Notice, effect_id
from leadsync.domain.instants import to_text
from leadsync.domain.records import Ref
from leadsync.errors import ChannelFailed, StorageFailed
from leadsync.web.health import Health

log = logs.get("leadsync.daemon")

Tell = Literal["nobody", "alerts", "urgent"]
REST = 300.0
"""Seconds for which a channel that took no heartbeat is not asked again."""


class Troubles:
    """What is wrong now, by reason code (reliability.md 10)."""

    def __init__(self, app: App, health: Health) -> None:
        self._app = app
        self._health = health
        self._told: set[str] = set(json.loads(app.ledger.meta("alerted") or "[]"))
        self._shown: set[str] = set()
        self._waiting: dict[str, Notice] = {}
        self._rests_until = 0.0

    def begin(self, code: str, text: str, *, tell: Tell = "alerts", ready: bool = False) -> None:
        """Note a trouble; `ready` says that leadsync does its job all the same. Somebody is told when it is new."""
        if not ready:
            self._health.fault(code, text)
        if code not in self._shown:
            self._shown.add(code)
            log.error("trouble.began", reason=code, error=text)
        if tell != "nobody" and code not in self._told:
            self._told.add(code)
            self._remember()
            self._alert(code, text, urgent=tell == "urgent")

    def end(self, *codes: str) -> None:
        """Note that troubles are over; those that were not there are none."""
        self._health.heal(*codes)
        for code in codes:
            if code in self._shown:
                self._shown.discard(code)
                log.info("trouble.ended", reason=code)
            self._waiting.pop(code, None)
        if self._told.intersection(codes):
            self._told.difference_update(codes)
            self._remember()

    def only(self, prefix: str, found: Iterable[str]) -> None:
        """Note that of the troubles whose codes begin so, all but these are over."""
        kept = set(found)
        over = {code for code in (*self._shown, *self._told) if code.startswith(prefix) and code not in kept}
        self.end(*sorted(over))

    def event(self, code: str, text: str) -> None:
        """Tell of something that has happened, and does not last."""
        log.error("trouble.happened", reason=code, error=text)
        self._alert(f"{code}:{to_text(self._app.clock.wall())}", text, urgent=False)

    def fatal(self, code: str, text: str) -> None:
        """Tell of what ends the process, once however often it is started again; a finished cycle ends it."""
        self._health.fault(code, text)
        log.error("trouble.fatal", reason=code, error=text)
        if code not in self._told:
            self._told.add(code)
            self._remember()
            self._alert(code, text, urgent=True)

    def retry(self) -> None:
        """Try the alerts again that nobody has taken yet."""
        for code, notice in list(self._waiting.items()):
            self._send(code, notice)

    def heartbeat(self, crm: str, text: str) -> None:
        """Say that a cycle has finished, if config names somebody who wants to know."""
        name, clock = self._app.settings.heartbeat, self._app.clock
        if name is None or clock.monotonic() < self._rests_until:
            return
        error = self._app.unset.get(name)
        if error is None:
            try:
                beat = _notice("heartbeat", name, f"leadsync: a cycle of {crm} has finished", text, crm, clock.wall())
                self._app.channels[name].send(beat, None)
            except ChannelFailed as failed:
                error = str(failed)
        if error is None:
            self.end(f"heartbeat:{name}")
        else:
            self._rests_until = clock.monotonic() + REST
            self.begin(f"heartbeat:{name}", error, tell="nobody")

    def _alert(self, code: str, text: str, *, urgent: bool) -> None:
        alerts = self._app.settings.alerts
        name = alerts.urgent if urgent else alerts.to
        title = f"leadsync: {code.partition(':')[0].replace('_', ' ')}"
        self._waiting[code] = _notice("alert", name, title, text, code, self._app.clock.wall())
        self._send(code, self._waiting[code])

    def _send(self, code: str, notice: Notice) -> None:
        channel = self._app.channels.get(notice.channel)
        if channel is None:
            error, final = self._app.unset.get(notice.channel, "there is no such channel"), True
        else:
            try:
                channel.send(notice, None)
                error, final = "", True
            except ChannelFailed as failed:
                error, final = str(failed), failed.permanent
        if error:
            log.warning("alert.failed", channel=notice.channel, reason=code, error=error)
        if final:
            self._waiting.pop(code, None)

    def _remember(self) -> None:
        try:
            self._app.ledger.set_meta("alerted", json.dumps(sorted(self._told)))
        except StorageFailed as error:
            # Telling twice is better than not telling that the disk is full.
            log.warning("alert.forgotten", error=str(error))


def _notice(kind: str, channel: str, title: str, text: str, cause: str, at: datetime) -> Notice:
    """Return a message about leadsync itself: it has no person, and its record is no record."""
    return Notice(
        effect_id=effect_id(kind, channel, cause, to_text(at)),
        person_id="",
        ref=Ref("leadsync", kind, ""),
        notice=kind,
        channel=channel,
        recipient=channel,
        title=title,
        text=text,
        group_id=kind,
    )
