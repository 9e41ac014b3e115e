"""Clients for the three servers, made from the settings a stack hands out."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import psycopg
import redis
from botocore.config import Config

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@contextmanager
def database(environment: Mapping[str, str]) -> Iterator["psycopg.Connection[Any]"]:
    url = environment["DUOLOGUE_DATABASE_URL"].replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url, autocommit=True, connect_timeout=60) as connection:
        yield connection


@contextmanager
def broker(environment: Mapping[str, str]) -> Iterator[redis.Redis]:
    with closing(redis.Redis.from_url(environment["DUOLOGUE_BROKER_URL"])) as client:
        yield client


@contextmanager
def bucket(environment: Mapping[str, str]) -> "Iterator[S3Client]":
    with closing(
        boto3.client(
            "s3",
            endpoint_url=environment["DUOLOGUE_S3_ENDPOINT_URL"],
            region_name="us-east-1",
            aws_access_key_id=environment["DUOLOGUE_S3_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["DUOLOGUE_S3_SECRET_ACCESS_KEY"],
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=60, proxies={}),
        )
    ) as client:
        yield client
