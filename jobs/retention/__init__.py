"""What has been kept long enough or was deleted, and what stays of it; never touches the bucket itself."""

from jobs.retention.archiving import Leaving, archive, archived, final, leaving, let_go
from jobs.retention.deleting import delete_jobs
from jobs.retention.expiring import expired_uploads, forget_idempotency_keys, forget_uploads
from jobs.retention.months import drop_months, make_months

__all__ = [
    "Leaving",
    "archive",
    "archived",
    "delete_jobs",
    "drop_months",
    "expired_uploads",
    "final",
    "forget_idempotency_keys",
    "forget_uploads",
    "leaving",
    "let_go",
    "make_months",
]
