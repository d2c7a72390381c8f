"""The server that ``primitives`` asks over a Unix socket: ``python answering.py SOCKET``.

A process of its own, so that client and server run side by side as they do in life. It ends when
its standard input does: a parent that dies takes it along.
"""

import asyncio
import sys
import time

import uvloop
from aiohttp import web


async def main(socket: str) -> None:
    """Answer on ``socket`` until standard input ends."""
    app = web.Application()
    app.add_routes([web.post("/messages", _accept), web.get("/cpu", _cpu)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.UnixSite(runner, socket).start()
        await asyncio.to_thread(sys.stdin.read)
    finally:
        await runner.cleanup()


async def _accept(request: web.Request) -> web.Response:
    await request.read()
    return web.json_response({"ref": "0" * 32}, status=202)


async def _cpu(_request: web.Request) -> web.Response:
    """Tell the seconds of CPU that this process has used."""
    return web.Response(text=repr(time.process_time()))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
