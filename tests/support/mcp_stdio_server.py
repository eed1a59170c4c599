"""An MCP server over stdio that imports nothing of `mcp`, so that it starts at once.

Its answer stands in a file.
"""

import json
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
with FOLDER.joinpath("started").open("a") as log:
    log.write("started\n")
TEXT = {"type": "object"}
TOOLS = [
    {"name": name, "inputSchema": TEXT, "outputSchema": TEXT}
    for name in ("say", "count", "log_in", "consult")
]


def send(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def call(name, arguments, token):
    if name == "count":
        for step in range(arguments["steps"]):
            progress = {
                "progressToken": token,
                "progress": step + 1,
                "total": arguments["steps"],
            }
            send(method="notifications/progress", params=progress)
        return {"result": "counted"}
    if name == "consult":
        message = {
            "role": "user",
            "content": {"type": "text", "text": arguments["question"]},
        }
        send(
            id="sampling",
            method="sampling/createMessage",
            params={"messages": [message], "maxTokens": 9},
        )
        return {"result": json.loads(next(sys.stdin))["result"]["content"]["text"]}
    if name == "log_in":
        return {"access_token": arguments["api_key"]}
    return {
        **arguments,
        "answer": FOLDER.joinpath("answer").read_text(encoding="utf-8"),
    }


def answer(method, params):
    if method == "initialize":
        return {
            "protocolVersion": params["protocolVersion"],
            "capabilities": {"tools": {}, "resources": {}},
            "serverInfo": {"name": "answers", "version": "1"},
        }
    if method == "tools/list":
        return {"tools": TOOLS}
    if method == "tools/call":
        given = call(
            params["name"],
            params["arguments"],
            params.get("_meta", {}).get("progressToken"),
        )
        return {
            "content": [{"type": "text", "text": json.dumps(given)}],
            "structuredContent": given,
        }
    if method == "resources/read" and params["uri"].startswith("weather://"):
        return {
            "contents": [
                {
                    "uri": params["uri"],
                    "text": f"rain in {params['uri'][len('weather://') :]}",
                }
            ]
        }
    raise LookupError(method)


for line in sys.stdin:
    request = json.loads(line)
    tool = request.get("params", {}).get("name")
    if tool == "wait" and not FOLDER.joinpath("hurries").exists():
        # Without the file, this tool never answers.
        continue
    if tool == "crash":
        sys.exit(1)
    if "id" in request:
        try:
            send(
                id=request["id"],
                result=answer(request["method"], request.get("params") or {}),
            )
        except LookupError:
            send(
                id=request["id"],
                error={"code": -32602, "message": f"unknown: {request['params']}"},
            )
