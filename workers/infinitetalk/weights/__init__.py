"""The model's files: found, checked by their headers, renamed, and streamed into memory."""
