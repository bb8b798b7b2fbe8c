"""The ledger's tables, in SQLite and PostgreSQL alike."""

from __future__ import annotations

import sqlalchemy as sa

FORMAT = 1

metadata = sa.MetaData()

BATCH = sa.Table(
    "comfyproof_batch",
    metadata,
    sa.Column("batch", sa.String, primary_key=True),
    sa.Column("format", sa.Integer, nullable=False),
)
JOB = sa.Table(
    "comfyproof_job",
    metadata,
    sa.Column("batch", sa.String, primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),  # in the order of the latest command; -1: it did not name it
    sa.Column("models", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("server", sa.String),
    sa.Column("coordinator", sa.String),
    sa.Column("shard", sa.String),
    sa.Column("verdict", sa.String),
    sa.Column("reason", sa.String),
    sa.Column("seconds", sa.Float),
    sa.Column("prompt_id", sa.String),
    sa.Column("ended", sa.String),
    sa.Index("comfyproof_job_state", "batch", "state"),
)
# What people call a job; two forms that come to the same graph are one job with two names.
NAME = sa.Table(
    "comfyproof_name",
    metadata,
    sa.Column("batch", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("key", sa.String, nullable=False),
    sa.Column("changes", sa.JSON, nullable=False),
    sa.Index("comfyproof_name_key", "batch", "key"),
)
ATTEMPT = sa.Table(
    "comfyproof_attempt",
    metadata,
    sa.Column("batch", sa.String, primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("epoch", sa.Integer, primary_key=True),
    sa.Column("prompt_id", sa.String, nullable=False),
    sa.Column("server", sa.String, nullable=False),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("ended", sa.String, nullable=False),
)
OUTPUT = sa.Table(
    "comfyproof_output",
    metadata,
    sa.Column("batch", sa.String, primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("sha256", sa.String, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("ending", sa.String, nullable=False),
    sa.Column("stage", sa.String, nullable=False),
    sa.Column("checks", sa.JSON, nullable=False),
    sa.Column("pixels", sa.String, nullable=False),  # a hash of the picture without its metadata, or nothing
)
# Who may submit to a server: one coordinator at a time, as long as it says so often enough.
LANE = sa.Table(
    "comfyproof_lane",
    metadata,
    sa.Column("batch", sa.String, primary_key=True),
    sa.Column("server", sa.String, primary_key=True),
    sa.Column("coordinator", sa.String, nullable=False),
    sa.Column("until", sa.Float, nullable=False),  # seconds since the epoch, by the database's own clock
)
