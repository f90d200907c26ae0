"""A real SMTP server that keeps what it is given: one mail a line on its output, as JSON."""

import asyncio
import json
import sys
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller


class Keep:
    """Refuses whom it is told to, and takes the rest."""

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"):
            return "550 5.1.1 no such person here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.content, policy=policy.default)
        parts = {part.get_content_type(): part.get_content() for part in mail.walk() if not part.is_multipart()}
        print(
            json.dumps(
                {
                    "from": envelope.mail_from,
                    "to": envelope.rcpt_tos,
                    "headers": {name.lower(): str(value) for name, value in mail.items()},
                    "text": parts.get("text/plain", ""),
                    "html": parts.get("text/html", ""),
                }
            ),
            flush=True,
        )
        return "250 kept"


async def main():
    controller = Controller(Keep(), hostname="127.0.0.1", port=0)
    controller.port = 0
    server = await asyncio.get_running_loop().create_server(controller.factory, host="127.0.0.1", port=0)
    print(f"listening on {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(0)
