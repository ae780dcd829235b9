"""The peer: what anybody writes in an afternoon. simple-salesforce reads everything, sqlite-utils upserts it.

No history, no persons, no resume, no decisions; whatever a run misses is lost.
"""

import json
import sys
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from sqlite_utils import Database


class Plain(HTTPAdapter):
    """Lets the library, which always says https, reach a box that speaks http."""

    def send(self, request: requests.PreparedRequest, *args: object, **kwargs: object) -> requests.Response:
        assert request.url is not None
        request.url = "http" + request.url.removeprefix("https")
        return super().send(request, *args, **kwargs)  # type: ignore[arg-type]


def main() -> None:
    """Load both objects of the job on the command line into a file."""
    job = json.loads(sys.argv[1])
    session = requests.Session()
    session.mount(f"https://{urlsplit(job['url']).netloc}", Plain())
    salesforce = Salesforce(session_id=job["token"], instance_url=job["url"], session=session, version="65.0")
    database = Database(job["file"])
    for native, columns in job["columns"].items():
        found = salesforce.query_all(f"SELECT {', '.join(columns)} FROM {native}")
        rows = [{name: value for name, value in row.items() if name != "attributes"} for row in found["records"]]
        database.table(native).upsert_all(rows, pk="Id")


if __name__ == "__main__":
    main()
