"""What this worker process is called, in leases and heartbeats."""

import os
import secrets
import socket

# In containers host and number repeat after a restart; the one that died must not look alive for that.
NAME = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"
