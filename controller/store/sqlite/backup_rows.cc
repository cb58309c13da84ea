#include "controller/domain/names.h"
#include "controller/store/sqlite/listing.h"
#include "controller/store/sqlite/rows.h"
#include "controller/store/sqlite/table_row.h"

namespace dbfleet::controller::sqlite {

static_assert(FieldCount<Backup>() == 16,
              "a field was added: give it a column here and in schema_steps.cc");

template <>
struct Table<Backup> {
  static constexpr char kName[] = "backups";
  static constexpr char kNoun[] = "backup";
  static constexpr char kKey[] = "id";
  static const std::string& Key(const Backup& value) { return value.id; }
  template <typename B, typename Visitor>
  static void Columns(B& value, Visitor& v) {
    v.Fixed("id", value.id);
    v("state", value.state);
    v.Fixed("instance_id", value.instance_id);
    v("environment", value.environment);
    v("job_id", value.job_id);
    v("create_time", value.create_time);
    v("snapshot_time", value.snapshot_time);
    v("databases", value.databases);
    v("agent_id", value.agent_id);
    v("endpoint", value.endpoint);
    v.Blob("result_blob", value.result_blob);
    v.Blob("verification_blob", value.verification_blob);
    v("verified_level", value.verified_level);
    v("verify_time", value.verify_time);
    v("error_message", value.error_message);
  }
};

template <>
absl::StatusOr<Backup> Get(Connection& connection, absl::string_view key) {
  return GetRow<Backup>(connection, key);
}
template <>
absl::Status Insert(Connection& connection, Backup* value) {
  return InsertRow(connection, value);
}
template <>
absl::Status Update(Connection& connection, Backup* value) {
  return UpdateRow(connection, value);
}

absl::StatusOr<Page<Backup>> ListBackups(Connection& connection, const PageTokens& tokens,
                                         const BackupFilter& filter, const PageRequest& page) {
  return ListRowsOf<Backup>(
      connection, tokens, filter.environment,
      {{"instance_id", filter.instance_id},
       {"state", filter.state.has_value() ? std::string(NameOf(*filter.state)) : std::string()}},
      "", Order::kDescending, page);
}

absl::StatusOr<std::vector<Backup>> VerifiedBackups(Connection& connection,
                                                    absl::string_view instance_id) {
  return SelectRows<Backup>(connection,
                            "WHERE instance_id = ?1 AND state = 'complete' AND verified_level >= 1 "
                            "ORDER BY snapshot_time DESC, id DESC",
                            {std::string(instance_id)});
}

}  // namespace dbfleet::controller::sqlite
