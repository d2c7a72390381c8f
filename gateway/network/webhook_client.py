"""Post to an endpoint of the house: bounded, no redirects, nothing of the answer read."""

from collections.abc import Mapping
from typing import Final

import aiohttp

TIMEOUT_S: Final = 10.0
_GOOD: Final = range(200, 300)


async def post(url: str, body: bytes, headers: Mapping[str, str]) -> str:
    """Post ``body``; return '' where it was taken, else ``http_STATUS`` or why nobody answered."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(
                timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
            ) as session,
            session.post(url, data=body, headers=dict(headers), allow_redirects=False) as answer,
        ):
            return "" if answer.status in _GOOD else f"http_{answer.status}"
    except TimeoutError:
        return "timed_out"
    except aiohttp.ClientSSLError:
        return "tls_failed"
    except (aiohttp.ClientError, OSError, ValueError):
        return "unreachable"
