"""The engine room: claims jobs, renders them and keeps what came out."""
