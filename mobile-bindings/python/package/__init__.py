"""Wallet and verifier of a mobile identity. `Wallet` and `Scanner` are where to begin."""

import time
import urllib.error
import urllib.request

from .mobile_bindings import *  # noqa: F403
from .mobile_bindings import Clock, Fetch, Fetched, FetchError


class SystemClock(Clock):
    """The machine's clock."""

    def now(self) -> int:
        return int(time.time())


class _Straight(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class HttpFetch(Fetch):
    """Fetches with Python's own client; follows no redirect, reads no endless answer."""

    LIMIT = 64 * 1024 * 1024

    def __init__(self, seconds: float = 30):
        self._seconds = seconds
        self._opener = urllib.request.build_opener(_Straight)

    def get(self, url: str) -> bytes:
        """The body of a successful GET."""
        answer = self.fetch(url, None)
        if answer.status != 200:
            raise FetchError.ServiceUnreachable()
        return answer.body

    def fetch(self, url: str, body: bytes | None) -> Fetched:
        headers = {} if body is None else {"Content-Type": "application/cbor"}
        request = urllib.request.Request(url, data=body, headers=headers)
        try:
            with self._opener.open(request, timeout=self._seconds) as answer:
                return self._read(answer.status, answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return self._read(refused.code, refused)
        except OSError as error:
            raise FetchError.ServiceUnreachable() from error

    def _read(self, status: int, answer) -> Fetched:
        body = answer.read(self.LIMIT + 1)
        if len(body) > self.LIMIT:
            raise FetchError.ServiceUnreachable()
        return Fetched(status=status, body=body)
