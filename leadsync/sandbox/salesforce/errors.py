"""Refusals in Salesforce's forms: `errorCode` on single rows and queries, `statusCode` inside collections."""

from typing import Any

from leadsync.sandbox.calls import Answer


class ApiError(Exception):
    """A refusal with its HTTP status and error code; `fields` are named where the service names them."""

    def __init__(self, status: int, code: str, message: str, fields: tuple[str, ...] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields

    def answer(self) -> Answer:
        return Answer(self.status, self.body())

    def body(self) -> list[dict[str, Any]]:
        body: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            body["fields"] = list(self.fields)
        return [body]

    def item(self) -> dict[str, Any]:
        """The error as an item of a collection reports it."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields or ())}


def not_found() -> ApiError:
    return ApiError(404, "NOT_FOUND", "The requested resource does not exist")


def method_not_allowed(method: str, allowed: str) -> ApiError:
    return ApiError(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed. Allowed are {allowed}")


def bad_request(message: str) -> ApiError:
    return ApiError(400, "JSON_PARSER_ERROR", message)


def invalid_type(name: str) -> ApiError:
    return ApiError(404, "NOT_FOUND", f"The requested resource does not exist: sObject type '{name}' is not supported.")
