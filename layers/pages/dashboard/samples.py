"""Code samples that run as they are: curl, Node.js and Python."""

import json
import shlex
from typing import Any

from craftkit.config import config
from craftkit.templates.data import preview_data
from craftkit.templates.models import TemplateVersion

Samples = list[tuple[str, str]]

_VARIABLE = "CRAFTKIT_API_KEY"


def list_renders(key: str | None = None) -> Samples:
    """The smallest authenticated request, with `key` or with the environment variable."""
    url = f"{config.api_url}/v1/renders"
    shell, node, python = _bearer(key)
    return [
        ("curl", f"curl {url} \\\n  -H {shell}"),
        (
            "Node.js",
            f"const res = await fetch('{url}', {{\n  headers: {{ Authorization: {node} }},\n}});\n"
            "console.log(await res.json());",
        ),
        (
            "Python",
            f'{_imports(key)}\nres = requests.get(\n    "{url}",\n'
            f'    headers={{"Authorization": {python}}},\n)\nprint(res.json())',
        ),
    ]


def render(version: TemplateVersion, key: str | None = None) -> Samples:
    """A render of a template with its whole preview data, into a file."""
    url = f"{config.api_url}/v1/templates/{version.slug}/render"
    body = {"data": preview_data(version.manifest)}
    text = json.dumps(body, ensure_ascii=False, indent=2)
    file = f"{version.slug}.pdf"
    shell, node, python = _bearer(key)
    return [
        (
            "curl",
            f"curl {url} \\\n  -H {shell} \\\n  -H 'Content-Type: application/json' \\\n"
            f"  -H 'Accept: application/pdf' \\\n"
            f"  -o {file} --fail-with-body -L \\\n  -d {shlex.quote(text)}",
        ),
        (
            "Node.js",
            "import { writeFile } from 'node:fs/promises';\n\n"
            f"const res = await fetch('{url}', {{\n  method: 'POST',\n  headers: {{\n"
            f"    Authorization: {node},\n    'Content-Type': 'application/json',\n"
            "    Accept: 'application/pdf',\n  },\n"
            f"  body: JSON.stringify({_indented(text, 2)}),\n}});\n"
            "if (!res.ok) throw new Error(await res.text());\n"
            f"await writeFile('{file}', Buffer.from(await res.arrayBuffer()));",
        ),
        (
            "Python",
            f'{_imports(key)}\nres = requests.post(\n    "{url}",\n'
            f'    headers={{"Authorization": {python}, "Accept": "application/pdf"}},\n'
            f"    json={_indented(_python(body), 4)},\n)\nres.raise_for_status()\n"
            f'with open("{file}", "wb") as file:\n    file.write(res.content)',
        ),
    ]


def _bearer(key: str | None) -> tuple[str, str, str]:
    if key:
        header = f"Bearer {key}"
        return f"'Authorization: {header}'", f"'{header}'", f'"{header}"'
    return (
        f'"Authorization: Bearer ${_VARIABLE}"',
        f"`Bearer ${{process.env.{_VARIABLE}}}`",
        f"f\"Bearer {{os.environ['{_VARIABLE}']}}\"",
    )


def _imports(key: str | None) -> str:
    return "import requests\n" if key else "import os\n\nimport requests\n"


def _indented(text: str, spaces: int) -> str:
    return text.replace("\n", "\n" + " " * spaces)


def _python(value: Any, depth: int = 0) -> str:
    """A value as a Python literal with one field on each line."""
    pad = "    " * (depth + 1)
    if isinstance(value, dict) and value:
        lines = [f"{pad}{json.dumps(k, ensure_ascii=False)}: {_python(v, depth + 1)}," for k, v
                 in value.items()]  # fmt: skip
        return "{\n" + "\n".join(lines) + "\n" + "    " * depth + "}"
    if isinstance(value, list) and value:
        items = [f"{pad}{_python(item, depth + 1)}," for item in value]
        return "[\n" + "\n".join(items) + "\n" + "    " * depth + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)


def hook(url: str, secret: str) -> Samples:
    """A signed request to an inbound hook. The body is the template's data."""
    shell = (
        "BODY='{}'\n"
        f'SIGNATURE=$(printf %s "$BODY" | openssl dgst -sha256 -hmac {shlex.quote(secret)} -r'
        " | cut -d' ' -f1)\n"
        f"curl {url} \\\n  -H 'Content-Type: application/json' \\\n"
        '  -H "x-craftkit-signature: $SIGNATURE" -d "$BODY"'
    )
    return [("curl", shell)]


def verify_webhook() -> Samples:
    """The verification of a webhook with the libraries of Standard Webhooks."""
    return [
        (
            "Python",
            "# pip install standardwebhooks\nimport os\n\n"
            "from standardwebhooks import Webhook, WebhookVerificationError\n\n\n"
            "def receive(raw_body: bytes, headers: dict[str, str]) -> int:\n    try:\n"
            '        event = Webhook(os.environ["CRAFTKIT_WEBHOOK_SECRET"])'
            ".verify(raw_body, headers)\n"
            "    except WebhookVerificationError:\n        return 400\n"
            '    print(event["type"], headers["webhook-id"])\n    return 204',
        ),
        (
            "Node.js",
            '// npm install express standardwebhooks\nimport express from "express";\n'
            'import { Webhook } from "standardwebhooks";\n\n'
            "const webhook = new Webhook(process.env.CRAFTKIT_WEBHOOK_SECRET);\n"
            'express().post("/craftkit", express.raw({ type: "application/json" }), '
            "(req, res) => {\n  try {\n"
            "    const event = webhook.verify(req.body.toString(), req.headers);\n"
            '    console.log(event.type, req.headers["webhook-id"]);\n'
            "    res.sendStatus(204);\n  } catch {\n    res.sendStatus(400);\n  }\n"
            "}).listen(8080);",
        ),
        (
            "Go",
            "// go get github.com/standard-webhooks/standard-webhooks/libraries\n"
            "import standardwebhooks "
            '"github.com/standard-webhooks/standard-webhooks/libraries/go"\n\n'
            "func receive(w http.ResponseWriter, r *http.Request) {\n"
            "\tbody, _ := io.ReadAll(r.Body)\n"
            "\twebhook, err := standardwebhooks.NewWebhook"
            '(os.Getenv("CRAFTKIT_WEBHOOK_SECRET"))\n'
            "\tif err == nil {\n\t\terr = webhook.Verify(body, r.Header)\n\t}\n"
            "\tif err != nil {\n\t\tw.WriteHeader(http.StatusBadRequest)\n\t\treturn\n\t}\n"
            "\tw.WriteHeader(http.StatusNoContent)\n}",
        ),
    ]
