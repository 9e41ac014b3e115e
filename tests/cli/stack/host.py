"""A process that has the stack running until its standard input closes; says how to reach it on one line of JSON.

Arguments: the data folder, then the parts.
"""

import json
import sys
from pathlib import Path

from cli import stack

with stack.running(Path(sys.argv[1]), parts=sys.argv[2:]) as stack_now:
    print(json.dumps({"environment": stack_now.environment, "started": stack_now.started}), flush=True)  # noqa: T201 - its purpose
    sys.stdin.read()
