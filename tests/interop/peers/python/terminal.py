"""Programs that ask for a passphrase at a terminal, given one."""

import os
import pty
import tempfile


def age_decrypt(passphrase, file):
    """Debian's `age -d`: it takes passphrases from a terminal only."""
    with tempfile.TemporaryDirectory() as folder:
        sealed, opened = os.path.join(folder, "sealed.age"), os.path.join(folder, "opened")
        with open(sealed, "wb") as out:
            out.write(bytes.fromhex(file))
        said = _answer_once(["age", "-d", "-o", opened, sealed], passphrase)
        if not os.path.exists(opened):
            raise ValueError(f"age: {said}")
        with open(opened, "rb") as plain:
            return {"plain": plain.read().hex()}


def _answer_once(command, text):
    """Runs a program on a terminal of its own and types one line when it asks."""
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(command[0], command)
    said = b""
    answered = False
    while True:
        try:
            said += os.read(terminal, 1024)
        except OSError:  # the other side is gone
            break
        if not answered and b"assphrase" in said:
            os.write(terminal, text.encode() + b"\n")
            answered = True
    os.close(terminal)
    os.waitpid(child, 0)
    return said.decode(errors="replace")
