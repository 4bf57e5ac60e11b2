"""Bytes to and from the disk. Everything here blocks: call it in a worker thread."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

CHUNK_BYTES = 1024 * 1024


def store(source: BinaryIO, target: Path) -> tuple[int, str]:
    """Copies `source` to `target` chunk by chunk; returns the size in bytes and the SHA-256."""
    digest = hashlib.sha256()
    size = 0
    with target.open("xb") as file:
        while chunk := source.read(CHUNK_BYTES):
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def checksum(path: Path) -> str:
    """Returns the SHA-256 of a file, read chunk by chunk."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sample(size_bytes: int, block_bytes: int = 64 * 1024) -> Iterator[bytes]:
    """Yields `size_bytes` in blocks that each begin with their number.

    The numbers make a lost, doubled or swapped block visible to whoever checks the download.
    """
    for number in range(-(-size_bytes // block_bytes)):
        block = number.to_bytes(8, "big") * (block_bytes // 8)
        yield block[: size_bytes - number * block_bytes]
