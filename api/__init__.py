"""The front door: takes jobs over HTTP and never runs one."""
