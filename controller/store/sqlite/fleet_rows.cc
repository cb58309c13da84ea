#include "controller/store/sqlite/listing.h"
#include "controller/store/sqlite/rows.h"
#include "controller/store/sqlite/table_row.h"

namespace dbfleet::controller::sqlite {

static_assert(FieldCount<EnvironmentPolicy>() == 6 && FieldCount<PromotionPolicy>() == 3 &&
                  FieldCount<Environment>() == 5 && FieldCount<Agent>() == 19 &&
                  FieldCount<JoinToken>() == 9 && FieldCount<Instance>() == 13,
              "a field was added: give it a column here and in schema_steps.cc");

template <>
struct Table<Environment> {
  static constexpr char kName[] = "environments";
  static constexpr char kNoun[] = "environment";
  static constexpr char kKey[] = "name";
  static const std::string& Key(const Environment& value) { return value.name; }
  template <typename E, typename Visitor>
  static void Columns(E& value, Visitor& v) {
    v.Fixed("name", value.name);
    v("display_name", value.display_name);
    v("destructive_approvals", value.policy.destructive_approvals);
    v("verified_backup_max_age", value.policy.verified_backup_max_age);
    v("approval_ttl", value.policy.approval_ttl);
    v("destructive_consent", value.policy.destructive_consent);
    v("window_for", value.policy.window_for);
    v("promotes_from", value.policy.promotion.from);
    v("promotion_within", value.policy.promotion.within);
    v("promotion_rehearsal", value.policy.promotion.rehearsal);
    v("declared", value.declared);
  }
};

template <>
struct Table<Agent> {
  static constexpr char kName[] = "agents";
  static constexpr char kNoun[] = "agent";
  static constexpr char kKey[] = "id";
  static const std::string& Key(const Agent& value) { return value.id; }
  template <typename A, typename Visitor>
  static void Columns(A& value, Visitor& v) {
    v.Fixed("id", value.id);
    v("environment", value.environment);
    v("creator", value.creator);
    v("enroll_time", value.enroll_time);
    v("last_seen_time", value.last_seen_time);
    v("agent_version", value.agent_version);
    v("capabilities", value.capabilities);
    v("journal_id", value.journal_id);
    v("revoked", value.revoked);
    v("draining", value.draining);
    v("quarantined", value.quarantined);
    v("state_reason", value.state_reason);
    v("current_serial", value.current_serial);
    v("current_not_after", value.current_not_after);
    v("next_serial", value.next_serial);
    v("next_not_after", value.next_not_after);
    v("public_key_sha256", value.public_key_sha256);
    v("acked_event_seq", value.acked_event_seq);
  }
};

template <>
struct Table<JoinToken> {
  static constexpr char kName[] = "join_tokens";
  static constexpr char kNoun[] = "join_token";
  static constexpr char kKey[] = "hash";
  static const std::string& Key(const JoinToken& value) { return value.hash; }
  template <typename J, typename Visitor>
  static void Columns(J& value, Visitor& v) {
    v.Fixed("hash", value.hash);
    v("agent_id", value.agent_id);
    v("environment", value.environment);
    v("creator", value.creator);
    v("create_time", value.create_time);
    v("expire_time", value.expire_time);
    v("used_key_sha256", value.used_key_sha256);
    v("certificate_pem", value.certificate_pem);
  }
};

template <>
struct Table<Instance> {
  static constexpr char kName[] = "instances";
  static constexpr char kNoun[] = "instance";
  static constexpr char kKey[] = "id";
  static const std::string& Key(const Instance& value) { return value.id; }
  template <typename I, typename Visitor>
  static void Columns(I& value, Visitor& v) {
    v.Fixed("id", value.id);
    v("agent_id", value.agent_id);
    v("environment", value.environment);
    v("engine", value.engine);
    v("endpoint", value.endpoint);
    v("labels", value.labels);
    v("role", value.role);
    v("server_version", value.server_version);
    v("forbidden_actions", value.forbidden_actions);
    v("last_fence", value.last_fence);
    v("removed", value.removed);
    v("create_time", value.create_time);
  }
};

template <>
absl::StatusOr<Environment> Get(Connection& connection, absl::string_view key) {
  return GetRow<Environment>(connection, key);
}
template <>
absl::Status Insert(Connection& connection, Environment* value) {
  return InsertRow(connection, value);
}
template <>
absl::Status Update(Connection& connection, Environment* value) {
  return UpdateRow(connection, value);
}
template <>
absl::StatusOr<Agent> Get(Connection& connection, absl::string_view key) {
  return GetRow<Agent>(connection, key);
}
template <>
absl::Status Insert(Connection& connection, Agent* value) {
  return InsertRow(connection, value);
}
template <>
absl::Status Update(Connection& connection, Agent* value) {
  return UpdateRow(connection, value);
}
template <>
absl::StatusOr<JoinToken> Get(Connection& connection, absl::string_view key) {
  return GetRow<JoinToken>(connection, key);
}
template <>
absl::Status Insert(Connection& connection, JoinToken* value) {
  return InsertRow(connection, value);
}
template <>
absl::Status Update(Connection& connection, JoinToken* value) {
  return UpdateRow(connection, value);
}
template <>
absl::StatusOr<Instance> Get(Connection& connection, absl::string_view key) {
  return GetRow<Instance>(connection, key);
}
template <>
absl::Status Insert(Connection& connection, Instance* value) {
  return InsertRow(connection, value);
}
template <>
absl::Status Update(Connection& connection, Instance* value) {
  return UpdateRow(connection, value);
}

absl::StatusOr<Page<Environment>> ListEnvironments(Connection& connection, const PageTokens& tokens,
                                                   const PageRequest& page) {
  return ListRows<Environment>(connection, tokens, {}, "", Order::kAscending, page);
}

absl::StatusOr<Page<Agent>> ListAgents(Connection& connection, const PageTokens& tokens,
                                       const EnvironmentFilter& environment,
                                       const PageRequest& page) {
  return ListRowsOf<Agent>(connection, tokens, environment, {}, "", Order::kAscending, page);
}

absl::StatusOr<Page<Instance>> ListInstances(Connection& connection, const PageTokens& tokens,
                                             const EnvironmentFilter& environment,
                                             const PageRequest& page) {
  return ListRowsOf<Instance>(connection, tokens, environment, {}, "removed = 0", Order::kAscending,
                              page);
}

absl::StatusOr<std::vector<Instance>> InstancesOfAgent(Connection& connection,
                                                       absl::string_view agent_id) {
  return SelectRows<Instance>(connection, "WHERE agent_id = ?1 AND removed = 0 ORDER BY id",
                              {std::string(agent_id)});
}

}  // namespace dbfleet::controller::sqlite
