"""How much anybody may send in one form."""

from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, SkipFile

MOST_AT_ONCE = 12 * 1024 * 1024


class Quota(FileUploadHandler):
    """Keeps nothing of a form that is larger than any file we keep, also of one nobody has signed in for.

    It is read to its end all the same: who is cut off while sending never sees why.
    """

    too_large = False

    def handle_raw_input(
        self,
        input_data: Any,
        META: Any,  # noqa: N803 -- Django's name
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        """Look at its length alone."""
        del input_data, META, boundary, encoding
        self.too_large = content_length > MOST_AT_ONCE

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Leave it to the next handler, or skip it."""
        super().new_file(*args, **kwargs)
        if self.too_large:
            raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Leave it to the next handler."""
        del start
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Leave it to the next handler."""
        del file_size
