#include "absl/strings/str_cat.h"

#include "common/base/hash.h"
#include "common/base/status.h"
#include "controller/store/sqlite/codec.h"
#include "controller/store/sqlite/row_cache.h"
#include "controller/store/sqlite/rows.h"

namespace dbfleet::controller::sqlite {
namespace {

absl::StatusOr<std::optional<std::string>> GetValue(Connection& connection, absl::string_view sql,
                                                    absl::string_view key) {
  ASSIGN_OR_RETURN(Statement statement, connection.Prepare(sql));
  statement.BindText(1, key);
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  std::optional<std::string> value;
  if (row) value = statement.Text(0);
  return value;
}

absl::Status PutValue(Connection& connection, absl::string_view sql, absl::string_view key,
                      absl::string_view value) {
  ASSIGN_OR_RETURN(Statement statement, connection.Prepare(sql));
  statement.BindText(1, key);
  statement.BindBlob(2, value);
  return statement.Run();
}

}  // namespace

absl::StatusOr<std::string> GetContent(Connection& connection, absl::string_view sha256) {
  ASSIGN_OR_RETURN(std::optional<std::string> content,
                   GetValue(connection, "SELECT content FROM contents WHERE sha256 = ?1", sha256));
  if (content.has_value()) return *std::move(content);
  return Error(absl::StatusCode::kNotFound, "CONTENT_NOT_FOUND",
               absl::StrCat("there is no content with the SHA-256 ", sha256));
}

absl::Status PutContent(Connection& connection, absl::string_view sha256,
                        absl::string_view content) {
  if (Sha256Hex(content) != sha256) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_CONTENT_HASH",
                 absl::StrCat("the content does not have the SHA-256 ", sha256));
  }
  return PutValue(connection,
                  "INSERT INTO contents(sha256, content) VALUES(?1, ?2) ON CONFLICT DO NOTHING",
                  sha256, content);
}

absl::StatusOr<std::string> GetSetting(Connection& connection, absl::string_view key) {
  RowCache* const cache = connection.row_cache();
  if (cache != nullptr) {
    if (const Setting* setting = cache->Find<Setting>(key)) return setting->value;
  }
  ASSIGN_OR_RETURN(std::optional<std::string> stored,
                   GetValue(connection, "SELECT value FROM settings WHERE key = ?1", key));
  std::string value = std::move(stored).value_or("");
  if (cache != nullptr) {
    cache->Keep(key, Setting{value}, sizeof(Setting) + key.size() + value.size());
  }
  return value;
}

absl::Status PutSetting(Connection& connection, absl::string_view key, absl::string_view value) {
  if (connection.row_cache() != nullptr) connection.row_cache()->Take<Setting>(key);
  return PutValue(connection,
                  "INSERT INTO settings(key, value) VALUES(?1, ?2) "
                  "ON CONFLICT(key) DO UPDATE SET value = excluded.value",
                  key, value);
}

absl::StatusOr<std::string> GetRequestKey(Connection& connection, absl::string_view key,
                                          absl::Time now) {
  ASSIGN_OR_RETURN(
      Statement statement,
      connection.Prepare("SELECT value FROM request_keys WHERE key = ?1 AND expire_time > ?2"));
  statement.BindText(1, key);
  statement.BindInt(2, EncodeTime(now));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.Text(0) : std::string();
}

absl::Status PutRequestKey(Connection& connection, absl::string_view key, absl::string_view value,
                           absl::Time expire_time) {
  ASSIGN_OR_RETURN(
      Statement statement,
      connection.Prepare("INSERT INTO request_keys(key, value, expire_time) VALUES(?1, ?2, ?3) "
                         "ON CONFLICT(key) DO UPDATE SET value = excluded.value, "
                         "expire_time = excluded.expire_time"));
  statement.BindText(1, key);
  statement.BindText(2, value);
  statement.BindInt(3, EncodeTime(expire_time));
  return statement.Run();
}

absl::Status PruneRequestKeys(Connection& connection, absl::Time now, int limit) {
  ASSIGN_OR_RETURN(
      Statement statement,
      connection.Prepare("DELETE FROM request_keys WHERE key IN (SELECT key FROM request_keys "
                         "WHERE expire_time <= ?1 ORDER BY expire_time LIMIT ?2)"));
  statement.BindInt(1, EncodeTime(now));
  statement.BindInt(2, limit);
  return statement.Run();
}

absl::StatusOr<std::string> GetState(Connection& connection, absl::string_view key) {
  ASSIGN_OR_RETURN(std::optional<std::string> value,
                   GetValue(connection, "SELECT value FROM store_state WHERE key = ?1", key));
  return std::move(value).value_or("");
}

absl::Status PutState(Connection& connection, absl::string_view key, absl::string_view value) {
  return PutValue(connection,
                  "INSERT INTO store_state(key, value) VALUES(?1, ?2) "
                  "ON CONFLICT(key) DO UPDATE SET value = excluded.value",
                  key, value);
}

}  // namespace dbfleet::controller::sqlite
