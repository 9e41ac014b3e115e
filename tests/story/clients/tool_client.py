"""Runs one model by the client that wavespeed-mcp brings, in its environment, and says in JSON how it ended."""

import json
import os
import sys

from wavespeed_mcp.client import WavespeedAPIClient  # type: ignore[import-not-found]  # lives in its own environment
from wavespeed_mcp.const import API_BASE_PATH, API_VERSION  # type: ignore[import-not-found]  # as above
from wavespeed_mcp.exceptions import WavespeedAPIError  # type: ignore[import-not-found]  # as above

_, model, inputs = sys.argv
host = f"{os.environ['WAVESPEED_API_HOST']}{API_BASE_PATH}/{API_VERSION}"
client = WavespeedAPIClient(os.environ["WAVESPEED_API_KEY"], host)
try:
    submitted = client.post(f"/{model}", json=json.loads(inputs))["data"]
    said = client.poll_result(submitted["id"], poll_interval=0.2)
except WavespeedAPIError as error:
    said = {"kind": type(error).__name__, "error": str(error)}
sys.stdout.write(json.dumps(said))
