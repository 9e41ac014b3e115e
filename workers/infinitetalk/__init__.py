"""The InfiniteTalk model; knows nothing of jobs, queues or HTTP."""
