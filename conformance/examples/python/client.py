"""A client of the library of books, and the program that lets `conformance run` judge it.

    conformance --spec tests/toy/openapi.yaml --fixtures tests/toy/fixtures run --cmd 'python3 examples/python/client.py' \\
        --operations list_books,get_book,add_book

Python 3.8 or later, standard library only. The first half is a client as anybody would write it; the second half speaks
the protocol (PROTOCOL.md). `--break WHAT` makes the client wrong in one way, to see what the harness says to that.
"""

import argparse
import dataclasses
import http.client
import json
import sys
import time
import traceback
import urllib.parse
from typing import Optional

BROKEN = ""


# --- The client -----------------------------------------------------------------------------------------------------


class ApiError(Exception):
    def __init__(self, status, code=None, message=None, retry_after=None):
        super().__init__(message or code or f"status {status}")
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after


class DecodeError(Exception):
    pass


class TransportError(Exception):
    pass


class Rejected(Exception):
    pass


ABSENT = object()


@dataclasses.dataclass
class Book:
    id: str
    title: object = ABSENT  # a text or null; a book without a title is not one whose title was left out
    genre: object = ABSENT  # an open list: a genre that is not known yet is kept as it is
    pages: object = ABSENT
    author: object = ABSENT

    @classmethod
    def decode(cls, value):
        if not isinstance(value, dict) or not isinstance(value.get("id"), str):
            raise DecodeError("a book is an object with an id")
        if BROKEN == "drop-field":
            value = {key: item for key, item in value.items() if key != "author"}
        if BROKEN == "lose-null":
            value = {key: "" if item is None else item for key, item in value.items()}
        return cls(**{field.name: value[field.name] for field in dataclasses.fields(cls) if field.name in value})

    def encode(self):
        pairs = ((field.name, getattr(self, field.name)) for field in dataclasses.fields(self))
        return {name: value for name, value in pairs if value is not ABSENT}


@dataclasses.dataclass
class BookPage:
    data: list
    total: object = ABSENT

    @classmethod
    def decode(cls, value):
        if not isinstance(value, dict) or not isinstance(value.get("data"), list):
            raise DecodeError("a page is an object with a list under `data`")
        return cls([Book.decode(book) for book in value["data"]], value.get("total", ABSENT))

    def encode(self):
        page = {"data": [book.encode() for book in self.data]}
        return page if self.total is ABSENT else {**page, "total": self.total}


class Library:
    """`pause` waits so many seconds; without it every call is one attempt."""

    def __init__(self, base_url, key, pause=None):
        self.base, self.key, self.pause = urllib.parse.urlsplit(base_url), key, pause

    def list_books(self, genre: Optional[str] = None, page: Optional[int] = None):
        query = {"kind" if BROKEN == "wrong-query" else "genre": genre, "page": page}
        return BookPage.decode(self._json("GET", "/books", query))

    def get_book(self, book_id: str):
        return Book.decode(self._json("GET", "/books/" + urllib.parse.quote(book_id, safe="")))

    def add_book(self, book: dict):
        if not book.get("title"):
            raise Rejected("a book needs a title")
        return Book.decode(self._json("POST", "/books", body=book))

    def _json(self, method, path, query=None, body=None):
        is_safe = method == "GET" or BROKEN == "repeat-post"
        for attempt in range(3):
            is_last = self.pause is None or attempt == 2
            try:
                return self._attempt(method, path, query, body)
            except ApiError as error:
                # 429 says that nothing was done; after 503 only what is safe is sent again.
                passes = error.status == 429 or (error.status == 503 and is_safe)
                if is_last or not passes:
                    raise
                self.pause(error.retry_after if error.retry_after is not None else 0.5 * 2**attempt)
            except TransportError:
                if is_last or not is_safe:
                    raise
                self.pause(0.5 * 2**attempt)

    def _attempt(self, method, path, query, body):
        given = {name: value for name, value in (query or {}).items() if value is not None}
        target = self.base.path + path + ("?" + urllib.parse.urlencode(given) if given else "")
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self.key}"}
        payload = None
        if body is not None:
            payload = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection(self.base.netloc, timeout=5)
        try:
            connection.request(method, target, payload, headers)
            response = connection.getresponse()
            status, content = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise TransportError(type(error).__name__) from error
        finally:
            connection.close()
        try:
            value = json.loads(content)
        except ValueError as error:
            if status < 400:
                raise DecodeError(str(error)) from error
            value = None
        if status >= 400:
            problem = value if isinstance(value, dict) else {}
            seconds = response.headers.get("retry-after", "")
            wait = float(seconds) if seconds.isdigit() and BROKEN != "ignore-retry-after" else None
            raise ApiError(status, problem.get("code"), problem.get("message"), wait)
        return value


# --- The program that the harness starts ----------------------------------------------------------------------------

# For each operation that is implemented: how to call it with what the harness gives.
OPERATIONS = {
    "list_books": lambda library, given, body: library.list_books(given.get("genre"), given.get("page")),
    "get_book": lambda library, given, body: library.get_book(given["bookId"]),
    "add_book": lambda library, given, body: library.add_book(body),
}


def answer(request):
    """What the client makes of one call, in the words of the protocol."""
    operation = OPERATIONS.get(request["operation"])
    if operation is None:
        return {"unsupported": True}
    number, pause = request["id"], None
    if "scenario" in request:  # time is the harness's: a pause is asked for, and over once the answer is read

        def pause(seconds):
            write({"id": number, "pause": seconds})
            sys.stdin.readline()

    library = Library(request["base_url"], request["key"], pause)
    try:
        value = operation(library, request["parameters"], request.get("body"))
        return {"decoded": {"type": type(value).__name__, "value": value.encode()}}
    except ApiError as error:
        failed = {"class": "api-error", "status": error.status, "code": error.code, "message": error.message}
    except DecodeError as error:
        failed = {"class": "decode-error", "message": str(error)}
    except TransportError as error:
        failed = {"class": "transport-error", "message": str(error)}
    except Rejected as error:
        failed = {"class": "rejected", "message": str(error)}
    return {"failed": failed}


def write(line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()  # the harness waits for the line


def main():
    global BROKEN
    parser = argparse.ArgumentParser(description="Speaks the protocol of `conformance run` over stdin and stdout.")
    wrong = ["drop-field", "wrong-query", "lose-null", "die", "hang", "garbage", "wrong-id", "twice"]
    wrong += ["repeat-post", "ignore-retry-after"]
    parser.add_argument("--break", dest="broken", choices=wrong, default="", help="be wrong in this way")
    parser.add_argument("--parallel", type=int, default=1, help="how many of these processes may run at once")
    arguments = parser.parse_args()
    BROKEN = arguments.broken

    write({"hello": {"protocol": 1, "client": "library.py 1.0", "parallel": arguments.parallel}})
    for line in iter(sys.stdin.readline, ""):
        request = json.loads(line)
        number, is_target = request["id"], request["operation"] == "get_book"
        if is_target and BROKEN == "die":
            print("about to look up the author", file=sys.stderr)
            raise KeyError("author")
        if is_target and BROKEN == "hang":
            print("waiting for the other side", file=sys.stderr, flush=True)
            time.sleep(3600)
        if is_target and BROKEN == "garbage":
            print("got a book", flush=True)
            continue
        try:
            reply = answer(request)
        except Exception:  # a defect of the client must not end the program
            traceback.print_exc()
            reply = {"failed": {"class": "transport-error", "message": "the client threw an exception"}}
        write({"id": number + 1000 if is_target and BROKEN == "wrong-id" else number, **reply})
        if is_target and BROKEN == "twice":
            write({"id": number, **reply})


if __name__ == "__main__":
    main()
