"""What the plugin keeps, asks and takes."""

import base64
import hashlib
import json
import time
from datetime import datetime

from nacl.public import PrivateKey

import sealed
from wire import Wire

POLL = "/api/printer-agent/poll-print-queue"
REPORT = "/api/printer-agent/1.0.0/job-status/"
DOWNLOAD = "/api/printer-agent/download-gcode?print_job_id="
FOREIGN_STORAGE = "storage.googleapis.com"
WORDS = {"completed": "success", "failed": "failure", "cancelled": "failure"}
STATISTICS = ("filament_used", "print_duration", "total_duration")


class Unusable(Exception):
    """The plugin cannot go on with what the store answered."""


class Printer:
    def __init__(self, store, folder):
        self.store = store
        self.file = folder / "printer_token.json"
        self.wire = Wire()
        self.key = None
        self.jobs = {}

    # Joining a store
    def register(self, user_token, name, manufacturer="LMNT Printer", model="Klipper"):
        """Registering always makes a new key, before the store is asked."""
        self.key = PrivateKey.generate()
        body = {"printer_name": name, "manufacturer": manufacturer, "model": model, "printer_public_key": self._public()}
        answer = self.wire.post(f"{self.store}/api/register-printer", body, user_token)
        if answer.status not in (200, 201):
            raise Unusable(f"register: {answer.status}")
        data = answer.json()
        if not data.get("printer_token") or not data.get("id"):
            raise Unusable("register: no token or no id")
        return self._keep(data["printer_token"], _time(data.get("token_expires")), data["id"])

    def pair_start(self, name, manufacturer="LMNT", model=None, toolheads=1):
        self.key = self.key or PrivateKey.generate()
        raw = bytes(self.key.public_key)
        body = {
            "public_key": self._public(), "key_type": "x25519", "key_id": hashlib.sha256(raw).hexdigest(),
            "printer": {"name": name, "manufacturer": manufacturer, "model": model, "extruder_count": toolheads},
        }
        data = self._pair("start", body)
        return {"session_id": data["session_id"], "pairing_code": data["pairing_code"]}

    def pair_status(self, session_id):
        word = self._pair("status", {"session_id": session_id}).get("status")
        return {"done": word in ("approved", "ready", "authorized"), "status": word}

    def pair_complete(self, session_id):
        data = self._pair("complete", {"session_id": session_id})
        inside = data if data.get("token") else sealed.grant(self.key, data)
        if not inside.get("token"):
            raise Unusable("pair/complete: no token")
        expires = inside.get("expires_at") or inside.get("expiry") or data.get("expires_at")
        return self._keep(inside["token"], _time(expires), inside.get("printer_id") or data.get("printer_id"))

    def open_plain_grant(self, answer):
        """The other form in which a grant may come."""
        return self._keep(answer["token"], _time(answer.get("expires_at") or answer.get("expiry")), answer["printer_id"])

    def refresh(self, path="/api/printer-agent/refresh-token"):
        answer = self.wire.post(self.store + path, {}, self._token())
        if answer.status == 401:
            self._forget()
            return {"wiped": True}
        if answer.status != 200:
            return {"given_up": answer.status}
        data = answer.json()
        if not data.get("printer_token") or not data.get("token_expires"):
            raise Unusable("refresh: a field is missing")
        return self._keep(data["printer_token"], _time(data["token_expires"]), self._kept()["printer_id"])

    # Jobs
    def poll(self):
        """Ids of the jobs it would take. It sends a type without a body."""
        answer = self.wire.get(self.store + POLL, self._token(), "application/json")
        if answer.status == 401:
            self._forget()
            return {"wiped": True}
        if answer.status != 200:
            return {"backs_off": answer.status}
        taken = []
        for job in answer.json().get("jobs") or []:
            needed = ("print_job_id", "encrypted_gcode_download_url", "gcode_dek_encrypted_hex", "gcode_iv_hex")
            if all(job.get(name) for name in needed):
                self.jobs[job["print_job_id"]] = job
                taken.append(job["print_job_id"])
        return {"jobs": taken}

    def fetch(self, job):
        """Downloads and opens a job; gives the G-code in hex."""
        known = self.jobs[job]
        url = known["encrypted_gcode_download_url"]
        if FOREIGN_STORAGE in url:
            url = self.store + DOWNLOAD + job
        return self._open(known, url)

    def report(self, job, state, message=None, statistics=None):
        body = {"status": WORDS.get(state, state)}
        if message is not None:
            body["message"] = message
        body.update({name: value for name, value in (statistics or {}).items() if name in STATISTICS})
        return {"status": self.wire.post(f"{self.store}{REPORT}{job}", body, self._token()).status}

    # As the first versions did
    def poll_flat(self, path="/api/poll-print-queue"):
        answer = self.wire.get(self.store + path, self._token())
        if answer.status != 200:
            raise Unusable(f"{path}: {answer.status}")
        job = answer.json()
        if not job:
            return {"job": None}
        job["gcode_dek_encrypted_hex"] = job["gcode_dek_package"]
        self.jobs[job["print_job_id"]] = job
        return {"job": job["print_job_id"]}

    def address(self, job):
        answer = self.wire.get(f"{self.store}/api/get-print-job?print_job_id={job}", self._token())
        return {"status": answer.status, "gcode_file_url": answer.json().get("gcode_file_url")}

    def fetch_flat(self, job, path="/api/print/download-gcode"):
        return self._open(self.jobs[job], f"{self.store}{path}?print_job_id={job}")

    def report_print_status(self, job, status, error=None, user_id=None):
        known = self.jobs.get(job, {})
        body = {"user_id": user_id, "purchase_id": known.get("purchase_id"), "print_job_id": job, "status": status}
        if error is not None:
            body["error"] = error
        answer = self.wire.post(f"{self.store}/api/report-print-status", body, self._token())
        return {"status": answer.status, "answer": answer.json()}

    def sign_in(self, email, password):
        answer = self.wire.post(f"{self.store}/auth/login", {"email": email, "password": password})
        return {"status": answer.status, "token": answer.json().get("token")}

    # What a test wants to see
    def exchanges(self):
        """Everything said since this was asked last."""
        told, self.wire.exchanges = self.wire.exchanges, []
        return {"exchanges": told}

    def kept(self):
        return self._kept() or {}

    def take_token(self, token):
        """As if the file had held another token."""
        return self._keep(token, None, self._kept()["printer_id"])

    def _pair(self, step, body):
        answer = self.wire.post(f"{self.store}/api/printers/pair/{step}", body)
        data = answer.json()
        if answer.status >= 400:
            raise Unusable(f"pair/{step}: {answer.status}")
        return data

    def _open(self, job, url):
        answer = self.wire.get(url, self._token())
        if answer.status != 200:
            raise Unusable(f"download: {answer.status}")
        key = sealed.content_key(self.key, job["gcode_dek_encrypted_hex"])
        return {"plain": sealed.gcode(key, job["gcode_iv_hex"], answer.body).hex()}

    def _public(self):
        return base64.b64encode(bytes(self.key.public_key)).decode()

    def _token(self):
        kept = self._kept()
        if kept is None:
            raise Unusable("not registered")
        return kept["printer_token"]

    def _keep(self, token, expires, printer_id):
        kept = {
            "printer_token": token, "token_expires": expires and expires.isoformat(),
            "printer_id": printer_id or _claims(token).get("printer_id") or _claims(token).get("sub"),
        }
        self.file.write_text(json.dumps(kept))
        return {"printer_id": kept["printer_id"], "token_expires": kept["token_expires"]}

    def _kept(self):
        """What lies on the disk; a token whose claims say that it is over is as good as none."""
        if not self.file.exists():
            return None
        kept = json.loads(self.file.read_text())
        if _claims(kept["printer_token"]).get("exp", 0) <= time.time():
            raise Unusable("the token says that it is over")
        return kept

    def _forget(self):
        self.file.rename(self.file.with_suffix(".json.expired"))


def _time(text):
    """The end of a token; one that cannot be read is none."""
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except (AttributeError, ValueError):
        return None


def _claims(token):
    """Never verified: the plugin reads the end and the printer's id from it."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
