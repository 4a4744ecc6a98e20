"""The rules, one a file, in the order in which they act. This page is their table of contents.

A rule is a pure function of one object. Its name is its id (`unique_alias` is `unique-alias`), the type of its
parameter says which kinds it is for, its docstring is what users read. A rule with a second parameter asks about the
other objects of the cluster, and runs only where the server knows them.
"""

from app.rules.alias_changed import alias_changed
from app.rules.alias_syntax import alias_syntax
from app.rules.alias_written import alias_written
from app.rules.batch_members import batch_members
from app.rules.conflicting_rules import conflicting_rules
from app.rules.consistent_order import consistent_order
from app.rules.daemonset_alias import daemonset_alias
from app.rules.default_alias import default_alias
from app.rules.defaulted_restore_alias import defaulted_restore_alias
from app.rules.deprecated_rules import deprecated_rules
from app.rules.exclusive_repository import exclusive_repository
from app.rules.field_type import field_type
from app.rules.hook_action import hook_action
from app.rules.immutable_restore import immutable_restore
from app.rules.known_alias import known_alias
from app.rules.move_rules import move_rules
from app.rules.nothing_kept import nothing_kept
from app.rules.one_backend import one_backend
from app.rules.one_rule_per_host import one_rule_per_host
from app.rules.order_remains import order_remains
from app.rules.possible_host_clash import possible_host_clash
from app.rules.repository_exists import repository_exists
from app.rules.repository_host import repository_host
from app.rules.repository_place import repository_place
from app.rules.repository_required import repository_required
from app.rules.shared_place import shared_place
from app.rules.snapshots_or_paths import snapshots_or_paths
from app.rules.sync_order import sync_order
from app.rules.target_kind import target_kind
from app.rules.target_namespace import target_namespace
from app.rules.unique_alias import unique_alias
from app.rules.unique_host import unique_host
from app.rules.unique_target import unique_target
from app.rules.unreachable_rule import unreachable_rule
from app.rules.unused_field import unused_field
from app.rules.usage_policy import usage_policy
from app.rules.valid_duration import valid_duration
from app.rules.valid_retention import valid_retention
from app.rules.valid_schedule import valid_schedule

MUTATIONS = (
    move_rules,
    default_alias,
    sync_order,
)
"""What `/mutate` changes. Each owns fields of its own, so all read the object as it came."""

ANNOUNCEMENTS = (
    deprecated_rules,
    order_remains,
)
"""What `/mutate` warns of: what it did, or could not do."""

REFUSALS = (
    field_type,
    unique_alias,
    unique_host,
    alias_syntax,
    batch_members,
    unique_target,
    conflicting_rules,
    one_rule_per_host,
    snapshots_or_paths,
    repository_required,
    valid_schedule,
    valid_duration,
    valid_retention,
    consistent_order,
    immutable_restore,
    target_namespace,
    hook_action,
    one_backend,
    exclusive_repository,
    repository_host,
    usage_policy,
)
"""What `/validate` refuses, unless a level says otherwise."""

WARNINGS = (
    possible_host_clash,
    defaulted_restore_alias,
    daemonset_alias,
    target_kind,
    unreachable_rule,
    alias_changed,
    alias_written,
    nothing_kept,
    unused_field,
    repository_exists,
    known_alias,
    shared_place,
    repository_place,
)
"""What `/validate` warns of, unless a level says otherwise."""

VALIDATIONS = REFUSALS + WARNINGS
