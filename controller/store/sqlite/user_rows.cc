#include "controller/store/sqlite/listing.h"
#include "controller/store/sqlite/rows.h"
#include "controller/store/sqlite/table_row.h"

namespace dbfleet::controller::sqlite {

static_assert(FieldCount<User>() == 8 && FieldCount<ApiToken>() == 10 &&
                  FieldCount<TokenScope>() == 3,
              "a field was added: give it a column here and in schema_steps.cc");

template <>
struct Table<User> {
  static constexpr char kName[] = "users";
  static constexpr char kNoun[] = "user";
  static constexpr char kKey[] = "id";
  static const std::string& Key(const User& value) { return value.id; }
  template <typename U, typename Visitor>
  static void Columns(U& value, Visitor& v) {
    v.Fixed("id", value.id);
    v("roles", value.roles);
    v("creator", value.creator);
    v("roles_editor", value.roles_editor);
    v("disabled", value.disabled);
    v("create_time", value.create_time);
    v.Fixed("service", value.service);
  }
};

template <>
struct Table<ApiToken> {
  static constexpr char kName[] = "tokens";
  static constexpr char kNoun[] = "token";
  static constexpr char kKey[] = "id";
  static const std::string& Key(const ApiToken& value) { return value.id; }
  template <typename T, typename Visitor>
  static void Columns(T& value, Visitor& v) {
    v.Fixed("id", value.id);
    v.Fixed("user_id", value.user_id);
    v("hash", value.hash);
    v("description", value.description);
    v("creator", value.creator);
    v("create_time", value.create_time);
    v("expire_time", value.expire_time);
    v("revoked", value.revoked);
    v("environments", value.scope.environments);
    v("verbs", value.scope.verbs);
    v("sources", value.scope.sources);
  }
};

template <>
absl::StatusOr<User> Get(Connection& connection, absl::string_view key) {
  return GetRow<User>(connection, key);
}
template <>
absl::Status Insert(Connection& connection, User* value) {
  return InsertRow(connection, value);
}
template <>
absl::Status Update(Connection& connection, User* value) {
  return UpdateRow(connection, value);
}
template <>
absl::StatusOr<ApiToken> Get(Connection& connection, absl::string_view key) {
  return GetRow<ApiToken>(connection, key);
}
template <>
absl::Status Insert(Connection& connection, ApiToken* value) {
  return InsertRow(connection, value);
}
template <>
absl::Status Update(Connection& connection, ApiToken* value) {
  return UpdateRow(connection, value);
}

absl::StatusOr<Page<User>> ListUsers(Connection& connection, const PageTokens& tokens,
                                     const PageRequest& page) {
  return ListRows<User>(connection, tokens, {}, "", Order::kAscending, page);
}

absl::StatusOr<ApiToken> FindToken(Connection& connection, absl::string_view hash) {
  ASSIGN_OR_RETURN(std::vector<ApiToken> rows,
                   SelectRows<ApiToken>(connection, "WHERE hash = ?1", {std::string(hash)}));
  if (!rows.empty()) return std::move(rows[0]);
  // The hash is left out: messages of failed logins end up in logs.
  return Error(absl::StatusCode::kNotFound, "TOKEN_NOT_FOUND", "there is no such token");
}

absl::StatusOr<Page<ApiToken>> ListTokens(Connection& connection, const PageTokens& tokens,
                                          absl::string_view user_id, const PageRequest& page) {
  return ListRows<ApiToken>(connection, tokens, {{"user_id", std::string(user_id)}}, "",
                            Order::kAscending, page);
}

}  // namespace dbfleet::controller::sqlite
