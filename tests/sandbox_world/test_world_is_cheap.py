"""What the world may cost: it is the tests' background, not their load. Bounds are several times what a slow machine needs."""

from collections.abc import Callable
from datetime import timedelta
from time import process_time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Story


def test_a_month_of_half_hours_costs_little(new_story: "Callable[..., Story]") -> None:
    began = process_time()
    story = new_story(leads=600, days=90)
    for _ in range(1440):
        story.live_for(timedelta(minutes=30))

    assert process_time() - began < 10


def test_twice_the_leads_make_about_twice_the_acts(new_story: "Callable[..., Story]") -> None:
    small, large = new_story(leads=400, days=90), new_story(leads=800, days=90)

    assert 1.5 < len(large.store.truth) / len(small.store.truth) < 2.6


def test_an_idle_call_looks_at_no_row(new_story: "Callable[..., Story]") -> None:
    story = new_story(leads=2000, days=30)
    began = process_time()
    for _ in range(10_000):
        story.world.live(story.store.clock.now())

    assert process_time() - began < 2
