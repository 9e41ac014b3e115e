"""What this worker process is called, in leases and heartbeats."""

import os
import socket

NAME = f"{socket.gethostname()}:{os.getpid()}"
