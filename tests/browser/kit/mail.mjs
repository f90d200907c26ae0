// A real SMTP server beside a test, and the mails that it was given.

import path from "node:path";

import { ROOT } from "./parts.mjs";
import { start } from "./service.mjs";

/**
 * Starts it on a free port.
 *
 * @returns what a test holds of it: `config` for a store's settings, `mailTo(address, subject)` for the next such mail, `linkIn(mail)`
 */
export async function startMail() {
  const python = process.env.SEALPOST_TEST_MAIL_PYTHON ?? path.join(ROOT, ".cache/mail-python/bin/python");
  const service = await start(python, [path.join(ROOT, "tests/browser/kit/mail-sink.py")], "listening on ");
  const port = service.line.split(" ").at(-1);
  const seen = new Set();
  return {
    config: `smtp_url = "smtp://127.0.0.1:${port}"\nmail_from = "Seal shop <post@store.example>"\n`,
    /** The next mail to that address with such a subject that was not given yet. */
    async mailTo(address, subject) {
      const wanted = new NextMail(seen, address, subject);
      const line = await service.waitFor(wanted);
      seen.add(line);
      return JSON.parse(line);
    },
    linkIn: (mail) => /^https?:\/\/\S+$/m.exec(mail.text)[0],
    stop: () => service.stop(),
  };
}

/** What `start` takes for a pattern of lines: a mail that was not given to the test yet. */
class NextMail extends RegExp {
  constructor(seen, address, subject) {
    super("");
    Object.assign(this, { seen, address, subject });
  }

  test(line) {
    if (!line.startsWith("{") || this.seen.has(line)) return false;
    const mail = JSON.parse(line);
    return mail.to.includes(this.address) && this.subject.test(mail.headers.subject);
  }
}
