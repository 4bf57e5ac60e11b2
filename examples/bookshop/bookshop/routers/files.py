"""Uploads and downloads, none of which is ever in memory as a whole."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, UploadFile, status
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, StreamingResponse

from bookshop import storage
from bookshop.dependencies import FileDep, FilesFolderDep, SessionDep
from bookshop.models import StoredFile
from bookshop.schemas import Checksum, FileRead, Problem

router = APIRouter(prefix="/files", tags=["files"])

MEBIBYTE = 1024 * 1024


@router.post("", response_model=FileRead, status_code=status.HTTP_201_CREATED)
async def upload_file(file: UploadFile, session: SessionDep, folder: FilesFolderDep) -> StoredFile:
    """Keeps the file under an id of our own: a name from outside never becomes a path."""
    file_id = uuid.uuid4().hex
    size, sha256 = await run_in_threadpool(storage.store, file.file, folder / file_id)
    row = StoredFile(
        id=file_id,
        name=(file.filename or "unnamed")[:255],
        media_type=(file.content_type or "application/octet-stream")[:100],
        size_bytes=size,
        sha256=sha256,
    )
    session.add(row)
    return row


@router.get("/sample", response_class=StreamingResponse)
async def download_sample(
    size_bytes: Annotated[int, Query(ge=0, le=1024 * MEBIBYTE)] = MEBIBYTE,
) -> StreamingResponse:
    """A made-up file of any size, produced while it is sent."""
    return StreamingResponse(
        storage.sample(size_bytes),
        media_type="application/octet-stream",
        headers={"Content-Disposition": 'attachment; filename="sample.bin"'},
    )


@router.get("/{file_id}", response_class=FileResponse, responses={404: {"model": Problem}})
async def download_file(file: FileDep, folder: FilesFolderDep) -> FileResponse:
    """The file as it was uploaded; parts of it with a `Range` header.

    Always an attachment: a page that somebody uploaded must not run in the shop's name.
    """
    return FileResponse(folder / file.id, media_type=file.media_type, filename=file.name)


@router.get("/{file_id}/checksum", response_model=Checksum, responses={404: {"model": Problem}})
def verify_file(file: FileDep, folder: FilesFolderDep) -> dict[str, str]:
    """Reads the file again; a `def` endpoint, as reading and hashing block a thread."""
    return {"sha256": storage.checksum(folder / file.id)}
