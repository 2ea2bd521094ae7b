"""The two routes of images: what an image is, and its bytes. Wiring only.

Must never: read a file into memory, or decide who may have it; the shelf does.
"""

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from tessera.central.image_shelf import ImageShelf
from tessera.store.central.register_book import RegisterRow
from tessera.sync.records import encoded


class ImageRoutes:
    """Routes over a shelf; `reader` gives the register that signed a request which only reads."""

    def __init__(self, shelf: ImageShelf, *, reader: Callable[[Request], RegisterRow]) -> None:
        self._shelf = shelf
        self._reader = reader

    async def manifest(self, request: Request) -> Response:
        """What the image of an audience is: to be fetched by its hash."""
        generation = request.query_params.get("generation", "")[:64]

        def work() -> bytes:
            register = self._reader(request)
            audience = request.path_params["audience"]
            return encoded(self._shelf.manifest(register, audience, generation))

        return Response(await run_in_threadpool(work), media_type="application/json")

    async def file(self, request: Request) -> Response:
        """An image's file, whole or from a byte on."""
        image_hash = request.path_params["hash"]
        path = await run_in_threadpool(
            lambda: self._shelf.file_of(self._reader(request), image_hash)
        )
        return FileResponse(
            path,
            media_type="application/octet-stream",
            headers={"ETag": f'"{image_hash}"', "Cache-Control": "private, immutable"},
        )
