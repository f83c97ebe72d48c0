"""Writes the authorizer's log line for each request; it is a metric too (CloudWatch EMF).

Powertools would take longer than the rest of the authorizer, and the format is small:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import sys
from datetime import datetime

from craftkit.auth.verify import Verdict, Verification
from craftkit.config import config


def report(verification: Verification, *, request_id: str, now: datetime) -> None:
    """Write the verdict. The line holds no part of the key.

    The line of an allowed request is only its metric: the gateway's access log has the ids of the
    request, of the key and of the project, and logs are billed by size.
    """
    record = verification.record
    metric = {
        "Namespace": f"Craftkit/{config.stage}",
        "Dimensions": [["verdict"]],
        "Metrics": [{"Name": "KeyVerified"}],
    }
    line: dict[str, object] = {
        "_aws": {"Timestamp": int(now.timestamp() * 1000), "CloudWatchMetrics": [metric]},
        "verdict": verification.verdict.value,
        "KeyVerified": 1,
    }
    if verification.verdict is not Verdict.ALLOWED:
        line |= {"message": "key refused", "request_id": request_id}
        if record:
            line |= {"project_id": record.principal.project_id, "key_id": record.principal.key_id}
    if verification.stage:
        line["minted_in"] = verification.stage
    print(json.dumps(line, separators=(",", ":")), file=sys.stderr)  # noqa: T201 a Lambda's log is its standard error
