"""`duologue load`: a measured load on a deployment, through its public API, and what became of every job."""
