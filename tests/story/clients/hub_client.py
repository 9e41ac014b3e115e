"""Does one task by huggingface_hub's inference client, in its environment, and says in JSON how it ended."""

import json
import sys

from huggingface_hub import InferenceClient  # type: ignore[import-not-found]  # lives in its own environment
from huggingface_hub.hf_api import InferenceProviderMapping  # type: ignore[import-not-found]  # as above
from huggingface_hub.inference import _providers  # type: ignore[import-not-found]  # as above
from huggingface_hub.inference._providers import _common  # type: ignore[import-not-found]  # as above

told = json.loads(sys.argv[1])
task = told["task"].replace("_", "-")

# The two things that would have to be asked of the hub: the provider's address, and its name for the model.
_providers.get_provider_helper("wavespeed", task=task, model=told["model"]).base_url = told["url"]
_common.HARDCODED_MODEL_INFERENCE_MAPPING["wavespeed"][told["model"]] = InferenceProviderMapping(
    provider="wavespeed", hf_model_id=told["model"], providerId=told["model"], task=task, status="live"
)
client = InferenceClient(provider="wavespeed", api_key=told["key"])
try:
    content = getattr(client, told["task"])(model=told["model"], **told["arguments"])
    said = {"bytes": len(content), "begins": content[:8].decode("latin-1")}
except (ValueError, OSError) as error:  # what it raises for a failed task, and for an HTTP error
    said = {"kind": type(error).__name__, "error": str(error)}
sys.stdout.write(json.dumps(said))
