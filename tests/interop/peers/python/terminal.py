"""Programs that ask for a passphrase at a terminal, given one."""

import os
import pty
import tempfile


def age_encrypt(passphrase, plain):
    """Debian's `age -p`."""
    return {"file": _age(["-p"], passphrase, plain)}


def age_decrypt(passphrase, file):
    """Debian's `age -d`."""
    return {"plain": _age(["-d"], passphrase, file)}


def _age(options, passphrase, data):
    with tempfile.TemporaryDirectory() as folder:
        given, made = os.path.join(folder, "given"), os.path.join(folder, "made")
        with open(given, "wb") as out:
            out.write(bytes.fromhex(data))
        said = _on_a_terminal(["age", *options, "-o", made, given], passphrase)
        if not os.path.exists(made):
            raise ValueError(f"age: {said}")
        with open(made, "rb") as result:
            return result.read().hex()


def _on_a_terminal(command, passphrase):
    """Runs a program on a terminal of its own and types the passphrase whenever it asks for it."""
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(command[0], command)
    said, answered = b"", 0
    while True:
        try:
            said += os.read(terminal, 1024)
        except OSError:  # the other side is gone
            break
        if said.count(b"assphrase") > answered and said.endswith(b": "):
            answered = said.count(b"assphrase")
            os.write(terminal, passphrase.encode() + b"\n")
    os.close(terminal)
    os.waitpid(child, 0)
    return said.decode(errors="replace")
