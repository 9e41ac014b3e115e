"""The schema; every column says what it means, and says it in the database too.

The row is the truth. Hot statements read partial indexes, each named for its purpose.
"""

from jobs.tables.accounts import Account, ApiKey
from jobs.tables.archive import ArchivedEvent, ArchivedJob
from jobs.tables.batches import Batch
from jobs.tables.counts import Count, Watermark
from jobs.tables.engines import Engine
from jobs.tables.errands import Errand
from jobs.tables.failures import ErrorGroup
from jobs.tables.hours import CountedHour, EngineHour, FinishedHour
from jobs.tables.jobs import Attachment, Event, IdempotencyKey, Job
from jobs.tables.mapping import NAMES, Base, Json
from jobs.tables.money import LedgerEntry, Tally
from jobs.tables.operators import AuditEntry, Operator, OperatorSession, SignInTally
from jobs.tables.uploads import Upload
from jobs.tables.upstream import UpstreamPace, UpstreamTry
from jobs.tables.webhooks import Delivery, Endpoint, Receiver, Try
from jobs.tables.work import Chore, Turn, Worker

__all__ = [
    "NAMES",
    "Account",
    "ApiKey",
    "ArchivedEvent",
    "ArchivedJob",
    "Attachment",
    "AuditEntry",
    "Base",
    "Batch",
    "Chore",
    "Count",
    "CountedHour",
    "Delivery",
    "Endpoint",
    "Engine",
    "EngineHour",
    "Errand",
    "ErrorGroup",
    "Event",
    "FinishedHour",
    "IdempotencyKey",
    "Job",
    "Json",
    "LedgerEntry",
    "Operator",
    "OperatorSession",
    "Receiver",
    "SignInTally",
    "Tally",
    "Try",
    "Turn",
    "Upload",
    "UpstreamPace",
    "UpstreamTry",
    "Watermark",
    "Worker",
]
