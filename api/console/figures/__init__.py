"""What pages show, asked of the database; reads only, and of every account."""
