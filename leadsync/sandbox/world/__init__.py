"""The sandbox's living world: a company whose people, prospects and mishaps act on the store as time passes.

`found` makes it; `World.live` lets it act. It sees the store and nothing else: whether leadsync, another client or nobody works
on the CRM, it reacts to the rows as they stand.
"""

from leadsync.sandbox.world.world import World, found

__all__ = ["World", "found"]
