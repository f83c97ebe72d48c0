"""One example of each request and response, by operation; a test holds them to the schemas."""

from typing import Any

Json = Any

_RENDER_ID = "019cec2a-7a10-7c44-8f21-1d2e3f405162"
_KEY_ID = "019cec2a-1000-7000-8000-000000000001"
_SESSION_ID = "019cec2a-9b00-7d10-9a31-5e6f70819203"
_VERIFIED: dict[str, Any] = {
    "seals": [
        {
            "signer": "Example Ltd",
            "at": "2026-03-14T12:00:00.000Z",
            "level": "B-T",
            "intact": True,
            "trusted": True,
        }
    ],
    "changedSince": False,
    "invoice": {
        "number": "2026-014",
        "currency": "EUR",
        "netTotal": "69.00",
        "vatTotal": "13.11",
        "grandTotal": "82.11",
        "dueTotal": "82.11",
    },
}
_URL = f"https://api.craftkit.dev/v1/renders/{_RENDER_ID}"
_DOCUMENT = f"https://documents.example.com/renders/{_RENDER_ID}.pdf?X-Amz-Signature=5d672d79c15b13162d9279b0855cfba6"

DATA = {
    "number": "2026-014",
    "customer": {"name": "Ada Lovelace"},
    "items": [{"name": "Engine notes", "qty": 1, "price": 42}],
    "total": 42,
}
QUEUED = {
    "id": _RENDER_ID,
    "status": "queued",
    "mode": "live",
    "templateSlug": "invoice",
    "versionNumber": 3,
    "pollUrl": _URL,
    "downloadUrl": None,
    "downloadExpiresAt": None,
    "filename": "invoice-2026-014.pdf",
    "format": "pdf",
    "pageCount": None,
    "sizeBytes": None,
    "sha256": None,
    "unsealedSha256": None,
    "pdfStandard": "a-2a+ua-1",
    "warnings": [],
    "errorCode": None,
    "errorMessage": None,
    "metadata": {"order": "4711"},
    "jobId": None,
    "attempt": 1,
    "createdAt": "2026-03-14T12:00:00.000Z",
    "completedAt": None,
    "durationMs": None,
    "expiresAt": "2026-04-13T12:00:00.000Z",
    "delivery": None,
}
SUCCEEDED = {
    **QUEUED,
    "status": "succeeded",
    "downloadUrl": _DOCUMENT,
    "downloadExpiresAt": "2026-03-14T13:00:00.000Z",
    "pageCount": 1,
    "sizeBytes": 21734,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "completedAt": "2026-03-14T12:00:00.180Z",
    "durationMs": 180,
}
CANCELLED = {
    **QUEUED,
    "status": "cancelled",
    "completedAt": "2026-03-14T12:00:01.000Z",
    "durationMs": 1000,
}
FAILED = {
    **QUEUED,
    "status": "failed",
    "errorCode": "template_error",
    "errorMessage": "Line 12, column 5: unknown variable: totl",
    "completedAt": "2026-03-14T12:00:00.120Z",
    "durationMs": 120,
}

_COUNTS = ("total", "queued", "succeeded", "failed", "cancelled", "invalid")
_BATCH_ID = "019cec2a-7c20-7c44-8f21-1d2e3f405163"
BATCH_RUNNING = {
    "id": _BATCH_ID,
    "status": "running",
    "mode": "live",
    "templateSlug": "invoice",
    "versionNumber": 3,
    "output": "files",
    "onInvalid": "skip",
    "format": "pdf",
    "counts": {
        "total": 1000,
        "queued": 999,
        "succeeded": 0,
        "failed": 0,
        "cancelled": 0,
        "invalid": 1,
    },
    "pageCount": 0,
    "attempt": 1,
    "pollUrl": f"https://api.craftkit.dev/v1/batches/{_BATCH_ID}",
    "uploadUrl": None,
    "resultUrl": None,
    "errorCode": None,
    "errorMessage": None,
    "createdAt": "2026-03-14T12:00:00.000Z",
    "completedAt": None,
    "expiresAt": "2026-04-13T12:00:00.000Z",
}
BATCH_COMPLETED = {
    **BATCH_RUNNING,
    "status": "completed",
    "counts": {
        "total": 1000,
        "queued": 0,
        "succeeded": 999,
        "failed": 0,
        "cancelled": 0,
        "invalid": 1,
    },
    "pageCount": 1043,
    "completedAt": "2026-03-14T12:00:09.400Z",
}
BATCH_REFUSED = {
    **BATCH_RUNNING,
    "status": "refused",
    "onInvalid": "refuse",
    "counts": {
        "total": 1000,
        "queued": 0,
        "succeeded": 0,
        "failed": 0,
        "cancelled": 999,
        "invalid": 1,
    },
    "errorCode": "invalid_input_data",
    "errorMessage": "1 of 1000 items do not fit the template.",
    "completedAt": "2026-03-14T12:00:00.000Z",
}
_ITEMS = [
    {
        "row": 1,
        "status": "succeeded",
        "jobId": "order-4711",
        "filename": "invoice-2026-014.pdf",
        "metadata": {"order": "4711"},
        "downloadUrl": _DOCUMENT,
        "downloadExpiresAt": "2026-03-14T12:15:00.000Z",
        "pageCount": 1,
        "sizeBytes": 21734,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "warnings": [],
        "errorCode": None,
        "errorMessage": None,
        "issues": None,
    },
    {
        "row": 17,
        "status": "invalid",
        "jobId": None,
        "filename": None,
        "metadata": {},
        "downloadUrl": None,
        "downloadExpiresAt": None,
        "pageCount": None,
        "sizeBytes": None,
        "sha256": None,
        "warnings": [],
        "errorCode": None,
        "errorMessage": None,
        "issues": {"formErrors": [], "fieldErrors": {"customer.name": ["Required"]}},
    },
]

_TEMPLATE = {
    "slug": "invoice",
    "name": "Invoice",
    "latestVersion": 3,
    "createdAt": "2026-01-05T09:00:00.000Z",
    "updatedAt": "2026-03-01T16:20:00.000Z",
}
_SESSION = {
    "session_id": _SESSION_ID,
    "session_token": "eyJhbGciOiJFZERTQSJ9",
    "iframe_url": "https://app.craftkit.dev/embed?session_token=eyJhbGciOiJFZERTQSJ9",
    "expires_at": "2026-03-14T16:00:00.000Z",
    "renew_token": "ert_9mX2…",
}
_CATALOG = {
    "namespaces": [
        {
            "key": "customer",
            "label": "Customer",
            "fields": [{"key": "name", "label": "Name", "dataType": "text", "required": True}],
        }
    ],
    "loops": [],
}
_PUBLISHED = {
    "name": "orders",
    "version": 2,
    "catalog": _CATALOG,
    "created_at": "2026-03-14T12:00:00.000Z",
    "versions": [2, 1],
    "changes": None,
}

INVOICE_XML = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    "<rsm:CrossIndustryInvoice "
    'xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100">…'
    "</rsm:CrossIndustryInvoice>"
)

REQUESTS: dict[str, Json] = {
    "answer_mcp": {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "validate_data", "arguments": {"slug": "invoice", "data": DATA}},
    },
    "create_render": {
        "data": DATA,
        "options": {"filename": "invoice-2026-014.pdf"},
        "metadata": {"order": "4711"},
    },
    "create_batch": {
        "templateSlug": "invoice",
        "items": [{"data": DATA, "filename": "invoice-2026-014.pdf"}],
        "onInvalid": "skip",
    },
    "create_template_version": {
        "name": "Invoice",
        "manifest": {
            "variables": [
                {"key": "total", "label": "Total", "dataType": "currency", "required": True}
            ]
        },
        "source": '#import "/craftkit.typ": *\n= Invoice\n#data.total\n',
        "publish": False,
    },
    "exchange_token": {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": "eyJhbGciOiJSUzI1NiJ9",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "audience": "019cec2a-1000-7000-8000-000000000001",
        "scope": "renders:write",
    },
    "receive_hook": DATA,
    "create_embed_session": {
        "tenant": {"externalId": "tenant-7", "displayName": "Analytical Engines Ltd"},
        "actor": {"externalId": "user-12", "displayName": "Ada Lovelace"},
        "scope": {"mode": "fill", "templateExternalId": "invoice"},
    },
    "refresh_embed_session": {"renewToken": "ert_9mX2…"},
    "publish_catalog": {"name": "orders", "catalog": _CATALOG},
    "report_exposed_keys": [
        {
            "token": "ck_live_…",
            "type": "craftkit_api_key",
            "url": "https://github.com/octocat/hello-world/blob/main/.env",
            "source": "content",
        }
    ],
}

RESPONSES: dict[tuple[str, int], Json] = {
    ("create_render", 202): QUEUED,
    ("create_batch", 202): BATCH_RUNNING,
    ("create_batch", 200): BATCH_COMPLETED,
    ("list_batches", 200): {"batches": [BATCH_COMPLETED], "nextCursor": None},
    ("get_batch", 200): BATCH_COMPLETED,
    ("list_batch_items", 200): {"items": _ITEMS, "nextCursor": None},
    ("start_batch", 202): {
        **BATCH_RUNNING,
        "status": "checking",
        "counts": dict.fromkeys(_COUNTS, 0),
    },
    ("cancel_batch", 200): {
        **BATCH_RUNNING,
        "status": "cancelled",
        "counts": {
            "total": 1000,
            "queued": 0,
            "succeeded": 150,
            "failed": 0,
            "cancelled": 849,
            "invalid": 1,
        },
        "completedAt": "2026-03-14T12:00:01.000Z",
    },
    ("retry_batch", 202): {**BATCH_RUNNING, "attempt": 2},
    ("create_template_version", 201): {
        "slug": "invoice",
        "versionNumber": 4,
        "published": False,
    },
    ("publish_template_version", 200): {
        "slug": "invoice",
        "versionNumber": 4,
        "published": True,
    },
    ("get_template_version", 200): {
        "slug": "invoice",
        "versionNumber": 3,
        "published": True,
        "name": "Invoice",
        "manifest": {
            "variables": [
                {"key": "total", "label": "Total", "dataType": "currency", "required": True}
            ]
        },
        "source": '#import "/craftkit.typ": *\n= Invoice\n#data.total\n',
        "pdfStandard": "a-2a+ua-1",
        "locale": "en",
        "publishedAt": "2026-03-14T12:00:00.000Z",
    },
    ("list_template_versions", 200): {
        "slug": "invoice",
        "latestVersion": 3,
        "versions": [
            {
                "number": 3,
                "pdfStandard": "a-2a+ua-1",
                "locale": "en",
                "publishedAt": "2026-03-14T12:00:00.000Z",
            }
        ],
    },
    ("exchange_token", 200): {
        "access_token": "ck_live_…",
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "token_type": "Bearer",
        "expires_in": 900,
        "scope": "renders:write",
    },
    ("create_render", 200): SUCCEEDED,
    ("answer_mcp", 200): {
        "jsonrpc": "2.0",
        "id": 1,
        "result": {
            "content": [{"type": "text", "text": '{"valid": true, "issues": {}}'}],
            "isError": False,
        },
    },
    ("verify_document", 200): {"known": True, "renderId": _RENDER_ID, **_VERIFIED},
    ("verify_page", 200): _VERIFIED,
    ("validate_invoice", 200): {
        "valid": False,
        "standard": "factur-x",
        "profile": "en16931",
        "issues": [
            {
                "rule": "BR-CO-15",
                "path": "/CrossIndustryInvoice[1]",
                "message": "Invoice total amount with VAT (BT-112) = Invoice total amount without "
                "VAT (BT-109) + Invoice total VAT amount (BT-110).",
            }
        ],
    },
    ("list_renders", 200): {"renders": [SUCCEEDED], "nextCursor": None},
    ("get_render", 200): SUCCEEDED,
    ("cancel_render", 200): CANCELLED,
    ("list_templates", 200): {"templates": [_TEMPLATE], "nextCursor": None},
    ("get_template", 200): {
        **_TEMPLATE,
        "manifest": {
            "variables": [
                {
                    "key": "customer.name",
                    "label": "Customer",
                    "dataType": "text",
                    "required": True,
                }
            ],
            "loops": [],
        },
        "jsonSchema": {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"},
        "previewData": {"data": {"customer": {"name": "Ada Lovelace"}}},
        "pdfStandard": "a-2a+ua-1",
        "locale": "en",
        "versions": [
            {
                "number": 3,
                "pdfStandard": "a-2a+ua-1",
                "locale": "en",
                "publishedAt": "2026-03-01T16:20:00.000Z",
            }
        ],
    },
    ("get_me", 200): {
        "keyId": _KEY_ID,
        "name": "billing service",
        "kind": "key",
        "projectId": "019cec2a-0000-7000-8000-000000000001",
        "mode": "live",
        "scopes": ["renders:write", "renders:read"],
        "templates": ["invoice"],
        "networks": ["203.0.113.0/24"],
        "bound": False,
        "expiresAt": None,
        "limits": [
            {
                "name": "key-renders-day",
                "limit": 1000,
                "remaining": 874,
                "resetsAt": "2026-03-15T00:00:00.000Z",
            }
        ],
    },
    ("list_requests", 200): {
        "requests": [
            {
                "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
                "at": "2026-03-14T12:00:00.000Z",
                "method": "GET",
                "route": "/v1/renders/{id}",
                "status": 404,
                "code": "not_found",
                "keyId": _KEY_ID,
                "address": "203.0.113.0/24",
                "durationMs": 31,
                "client": "curl",
                "fix": "Check the id, and which project the key is of.",
            }
        ],
        "nextCursor": None,
    },
    ("get_usage", 200): {
        "from": "2026-03-01",
        "to": "2026-03-14",
        "usage": [
            {"day": "2026-03-14", "mode": "live", "keyId": _KEY_ID, "renders": 120, "pages": 133}
        ],
    },
    ("receive_hook", 202): QUEUED,
    ("create_embed_session", 201): _SESSION,
    ("refresh_embed_session", 200): _SESSION,
    ("publish_catalog", 201): _PUBLISHED,
    ("list_catalogs", 200): {
        "catalogs": [{"name": "orders", "version": 2, "updated_at": "2026-03-14T12:00:00.000Z"}],
        "next_cursor": None,
    },
    ("get_catalog", 200): _PUBLISHED,
    ("get_jwks", 200): {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "alg": "EdDSA",
                "use": "sig",
                "kid": "019cec2a-0001-7000-8000-000000000001",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            }
        ]
    },
    ("report_exposed_keys", 200): [
        {
            "token_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "token_type": "craftkit_api_key",
            "label": "true_positive",
        }
    ],
    ("get_health", 200): {"status": "ok", "stage": "prod"},
}
