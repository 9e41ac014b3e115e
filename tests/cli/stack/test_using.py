import socket
import stat
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from botocore.exceptions import ClientError

from cli import stack
from tests.cli.stack import clients
from tests.cli.stack.conftest import Up
from tests.cli.stack.neighbours import processes_in


def status_of(url: str, *, method: str = "GET", headers: dict[str, str] | None = None) -> int:
    request = urllib.request.Request(url, method=method, headers=headers or {})  # noqa: S310 - http to loopback
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - http to loopback
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return refusal.code


def test_the_database_answers_in_utf8_and_utc(up: Up) -> None:
    with clients.database(up.now.environment) as connection:
        row = connection.execute("SELECT current_database(), current_setting('TimeZone'), lower('ÄÖ')").fetchone()
    assert row == ("duologue", "UTC", "äö")


def test_the_database_refuses_another_password(up: Up) -> None:
    password = urlsplit(up.now.environment["DUOLOGUE_DATABASE_URL"]).password or ""
    url = up.now.environment["DUOLOGUE_DATABASE_URL"].replace(password, "guess")
    with pytest.raises(psycopg.OperationalError, match="password"):
        clients.database({"DUOLOGUE_DATABASE_URL": url}).__enter__()


def test_the_broker_answers_and_keeps_what_it_is_told(up: Up) -> None:
    with clients.broker(up.now.environment) as broker:
        assert broker.ping()
        assert broker.config_get("appendonly") == {"appendonly": "yes"}
        assert broker.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_the_broker_refuses_whoever_has_no_password(up: Up) -> None:
    port = urlsplit(up.now.environment["DUOLOGUE_BROKER_URL"]).port
    url = f"redis://127.0.0.1:{port}/0"
    with clients.broker({"DUOLOGUE_BROKER_URL": url}) as broker, pytest.raises(redis.AuthenticationError):
        broker.ping()


def test_the_bucket_gives_back_what_it_was_given(up: Up) -> None:
    name = up.now.environment["DUOLOGUE_S3_BUCKET"]
    with clients.bucket(up.now.environment) as bucket:
        bucket.put_object(Bucket=name, Key="a/b c.txt", Body=b"0123456789")
        assert bucket.get_object(Bucket=name, Key="a/b c.txt", Range="bytes=2-4")["Body"].read() == b"234"


def test_the_bucket_refuses_unsigned_and_wrongly_signed_requests(up: Up) -> None:
    environment = up.now.environment
    name = environment["DUOLOGUE_S3_BUCKET"]
    with clients.bucket(environment) as bucket:
        bucket.put_object(Bucket=name, Key="secret.txt", Body=b"s")
    assert status_of(f"{environment['DUOLOGUE_S3_ENDPOINT_URL']}/{name}/secret.txt") == 403
    assert status_of(f"{environment['DUOLOGUE_S3_ENDPOINT_URL']}/{name}/new.txt", method="PUT") == 403
    guess = environment | {"DUOLOGUE_S3_SECRET_ACCESS_KEY": "guess"}
    with clients.bucket(guess) as bucket, pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        bucket.get_object(Bucket=name, Key="secret.txt")


def test_the_doors_behind_the_bucket_refuse_too(up: Up) -> None:
    name = up.now.environment["DUOLOGUE_S3_BUCKET"]
    port = urlsplit(up.now.environment["DUOLOGUE_S3_ENDPOINT_URL"]).port or 0
    filer = f"http://127.0.0.1:{port + 3}"
    assert status_of(f"{filer}/buckets/{name}/secret.txt") == 401
    assert status_of(f"{filer}/buckets/{name}/new.txt", method="PUT") == 401


def test_a_link_into_the_bucket_works_from_a_web_page(up: Up) -> None:
    name = up.now.environment["DUOLOGUE_S3_BUCKET"]
    with clients.bucket(up.now.environment) as bucket:
        link = bucket.generate_presigned_url("put_object", Params={"Bucket": name, "Key": "from-a-page"})
    asking = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "PUT"}
    assert status_of(link, method="OPTIONS", headers=asking) == 200
    assert status_of(link, method="PUT", headers={"Origin": "http://localhost:3000"}) == 200


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads the kernel's list of sockets, which Linux has")
def test_every_server_listens_on_loopback_alone(up: Up) -> None:
    pids = {line.split()[0] for line in processes_in(up.data)}
    links = {str(file.readlink()) for pid in pids for file in Path(f"/proc/{pid}/fd").iterdir() if file.is_symlink()}
    rows = [row.split() for table in ("tcp", "tcp6") for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    ours = [row[1].partition(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in links]
    assert len(ours) >= 3
    assert set(ours) == {socket.inet_aton("127.0.0.1")[::-1].hex().upper()}


def test_secrets_are_readable_by_their_owner_alone(up: Up) -> None:
    assert stat.S_IMODE(up.data.stat().st_mode) & 0o067 == 0
    for path in ("stack.json", "broker/valkey.conf", "bucket/s3.json", "bucket/security.toml"):
        assert stat.S_IMODE((up.data / path).stat().st_mode) == 0o600, path
    for folder in ("database", "broker", "bucket", "logs", "run"):
        assert stat.S_IMODE((up.data / folder).stat().st_mode) == 0o700, folder


def test_nothing_secret_is_on_a_command_line(up: Up) -> None:
    commands = "\n".join(processes_in(up.data))
    assert commands
    for name in ("DUOLOGUE_DATABASE_URL", "DUOLOGUE_BROKER_URL"):
        assert (urlsplit(up.now.environment[name]).password or name) not in commands
    assert up.now.environment["DUOLOGUE_S3_SECRET_ACCESS_KEY"] not in commands


def test_all_parts_were_started_and_are_well(up: Up) -> None:
    assert up.now.started == ("database", "broker", "bucket")
    assert up.now.broken() is None
    assert stack.find(up.data) == up.now.environment


def test_passwords_stay_out_of_a_printed_stack(up: Up) -> None:
    assert "password" not in repr(up.now)
    assert up.now.environment["DUOLOGUE_S3_SECRET_ACCESS_KEY"] not in repr(up.now)
