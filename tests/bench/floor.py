"""The floor of opening an AES-256-CBC blob: OpenSSL in steps of 1 MiB into a memfd, and nothing else."""
import json
import os
import sys
import time

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

STEP = 1 << 20


def main() -> None:
    work = json.load(sys.stdin)
    key, iv = bytes.fromhex(work["key"]), bytes.fromhex(work["iv"])
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    unpadder = padding.PKCS7(128).unpadder()
    plain = bytearray(STEP + 16)
    sealed = bytearray(STEP)
    fd = os.memfd_create("floor", os.MFD_CLOEXEC)
    began = time.process_time()
    held = b""
    with open(work["blob"], "rb", buffering=0) as blob:
        while count := blob.readinto(sealed):
            os.write(fd, held)
            length = decryptor.update_into(memoryview(sealed)[:count], plain)
            os.write(fd, memoryview(plain)[: length - 16])
            held = bytes(plain[length - 16 : length])
    decryptor.finalize()
    os.write(fd, unpadder.update(held) + unpadder.finalize())
    cpu = time.process_time() - began
    print(json.dumps({"cpu": cpu, "size": os.fstat(fd).st_size}))


if __name__ == "__main__":
    main()
