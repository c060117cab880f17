"""Others are told what becomes of a job: Slack, and any webhook."""
