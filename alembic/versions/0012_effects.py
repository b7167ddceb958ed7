"""Steps say what a repeated call would do; schedules say why they started no run."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_PROBLEMS = "problem in ('AGENT_ARCHIVED','INVALID_INPUT','INTERNAL_ERROR')"
_EFFECTS = "effect in ('PURE','READ','IDEMPOTENT_WRITE','NON_IDEMPOTENT')"


def upgrade() -> None:
    op.add_column("steps", sa.Column("effect", sa.Text(), nullable=True))
    op.create_check_constraint(op.f("steps_effect_check"), "steps", _EFFECTS)
    op.add_column("schedules", sa.Column("problem", sa.Text(), nullable=True))
    op.add_column("schedules", sa.Column("problem_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(op.f("schedules_problem_check"), "schedules", _PROBLEMS)


def downgrade() -> None:
    op.drop_column("schedules", "problem_at")
    op.drop_column("schedules", "problem")
    op.drop_column("steps", "effect")
