"""The edge of one request: whatever nobody caught is recorded here and answered without a word about the inside."""

import traceback

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import errors, faces
from jobs import events, ids


class CrashGuard:
    """Answers 500 and emits `request.crashed` with the request's id and the traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def watched(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            return  # there is nobody left to answer
        except Exception as error:
            request_id = _record(scope, error)
            if has_begun:
                raise  # half an answer is out: only a broken connection tells the client so
            await faces.say(scope, errors.crashed(request_id))(scope, receive, send)


def _record(scope: Scope, error: Exception) -> str:
    request_id = ids.new_id().hex
    text = "".join(traceback.format_exception(error))
    events.emit("request.crashed", request=request_id, method=scope["method"], path=scope["path"], exception=text)
    return request_id
