"""HTTP as the plugin speaks it: a connection for each request, its headers, JSON bodies; every exchange is written down."""

import http.client
import json
from urllib.parse import urlsplit

AGENT = "Python/3.11 aiohttp/3.14"


class Answer:
    def __init__(self, status, kind, body):
        self.status = status
        self.kind = kind
        self.body = body

    def json(self):
        """Refused is what the plugin's HTTP library would not take for JSON."""
        essence = self.kind.split(";")[0].strip().lower()
        if essence != "application/json" and not essence.endswith("+json"):
            raise ValueError(f"an answer of type {self.kind}")
        return json.loads(self.body)


class Wire:
    def __init__(self):
        self.exchanges = []

    def get(self, url, token=None, kind=None):
        return self._send("GET", url, token, kind, None)

    def post(self, url, body, token=None):
        return self._send("POST", url, token, "application/json", body)

    def _send(self, method, url, token, kind, body):
        parts = urlsplit(url)
        headers = {"Accept": "*/*", "Accept-Encoding": "gzip, deflate", "User-Agent": AGENT}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if kind is not None:
            headers["Content-Type"] = kind
        data = None if body is None else json.dumps(body).encode()
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
        try:
            connection.request(method, target, body=data, headers=headers)
            response = connection.getresponse()
            received = response.read()
        finally:
            connection.close()
        if response.getheader("Content-Encoding", "identity") != "identity":
            raise ValueError("the answer is compressed")
        answer = Answer(response.status, response.getheader("Content-Type", ""), received)
        self.exchanges.append({
            "request": {"method": method, "path": target, "authorized": token is not None, "type": kind, "body": body},
            "status": answer.status,
            "answer": _told(answer),
        })
        return answer


def _told(answer):
    try:
        return answer.json()
    except ValueError:
        return {"bytes": len(answer.body)}
