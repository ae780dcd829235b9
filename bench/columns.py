"""Prints which columns leadsync asks for by the sample mapping, so that peers and floor read exactly the same.

A process of its own, because a parent's memory counts in the peak of its children.
"""

import json
import os
from pathlib import Path
from zoneinfo import ZoneInfo

from leadsync.crm.salesforce.rows import RecordReader
from leadsync.settings import load


def main() -> None:
    """Print the columns of Lead and Contact as one JSON object; the folder at hand holds a configuration."""
    loaded = load(Path("config/leadsync.yaml"), Path("mappings"), dict(os.environ))
    objects = loaded.rulebook.mappings["salesforce"].objects
    readers = {one.native: RecordReader("salesforce", name, one, ZoneInfo("UTC")) for name, one in objects.items()}
    print(json.dumps({native: reader.columns.names for native, reader in readers.items()}))


if __name__ == "__main__":
    main()
