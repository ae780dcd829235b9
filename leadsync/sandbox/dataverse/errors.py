"""Refusals in Dataverse's form: {"error": {"code", "message"}}, with the codes of its error table
(Microsoft Learn, "Web service error codes"). Where the documentation names none, the code is marked as assumed."""

from leadsync.sandbox.calls import Answer

JSON = "application/json; odata.metadata=minimal"

PRIVILEGE = "0x80040220"
NOT_FOUND = "0x80040217"
KEY_NOT_FOUND = "0x80060891"
SEGMENT = "0x80060888"
STATE = "0x80048408"
TOO_LONG = "0x80044331"
PLUGIN = "0x80040265"
VERSION = "0x80060882"
DUPLICATE = "0x80040237"
LOCKED = "0x80044339"
USER_DISABLED = "0x80040225"
NOT_TRACKED = "0x80072491"
INVALID = "0x80040203"
BAD_PAYLOAD = "0x80048d19"
UNEXPECTED = "0x80040216"
EXPIRED_STAMP = "0x80044352"
# From here on the codes are assumed.
NOT_LET_IN = "0x80072561"
UNAVAILABLE = "0x80044150"
TOO_MANY_PARTS = "0x80060898"
OUTSIDE_RANGE = "0x80044330"


class ApiError(Exception):
    """A refusal with its HTTP status and error code."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def answer(self) -> Answer:
        body = {"error": {"code": self.code, "message": self.message}}
        return Answer(self.status, body, {"OData-Version": "4.0", **self.headers}, media_type=JSON)


def bad(message: str, code: str = SEGMENT) -> ApiError:
    return ApiError(400, code, message)


def no_segment(name: str) -> ApiError:
    return ApiError(404, SEGMENT, f"Resource not found for the segment '{name}'.")


def no_property(name: str, table: str) -> ApiError:
    return bad(f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{table}'.")


def no_row(table: str, guid: str) -> ApiError:
    return ApiError(404, NOT_FOUND, f"Entity '{table}' With Id = {guid} Does Not Exist")
