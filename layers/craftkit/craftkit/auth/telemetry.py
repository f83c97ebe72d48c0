"""The authorizer's one log line a request, which is its metric too (CloudWatch EMF).

Powertools would cost the hot path more than the rest of it; the format is three keys of JSON:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import sys
from datetime import datetime

from craftkit.auth.verify import Verification
from craftkit.config import config


def report(verification: Verification, *, request_id: str, now: datetime) -> None:
    """Write the outcome, by ids alone: a presented key is in no log, not even a part of it."""
    record = verification.record
    metric = {
        "Namespace": f"Craftkit/{config.stage}",
        "Dimensions": [["verdict"]],
        "Metrics": [{"Name": "KeyVerified", "Unit": "Count"}],
    }
    line: dict[str, object] = {
        "_aws": {"Timestamp": int(now.timestamp() * 1000), "CloudWatchMetrics": [metric]},
        "message": "key verified",
        "verdict": verification.verdict.value,
        "KeyVerified": 1,
        "request_id": request_id,
    }
    if record:
        line |= {"project_id": record.principal.project_id, "key_id": record.principal.key_id}
    if verification.stage:
        line["minted_in"] = verification.stage
    print(json.dumps(line, separators=(",", ":")), file=sys.stderr)  # noqa: T201 a Lambda's log is its standard error
