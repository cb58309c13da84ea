#include "absl/strings/str_cat.h"

#include "controller/store/sqlite/listing.h"
#include "controller/store/sqlite/rows.h"
#include "controller/store/sqlite/table_row.h"

namespace dbfleet::controller::sqlite {

static_assert(FieldCount<Resource>() == 8,
              "a field was added: give it a column here and in schema_steps.cc");

template <>
struct Table<Resource> {
  static constexpr char kName[] = "resources";
  static constexpr char kNoun[] = "resource";
  static constexpr char kKey[] = "id";
  static const std::string& Key(const Resource& value) { return value.id; }
  template <typename R, typename Visitor>
  static void Columns(R& value, Visitor& v) {
    v.Fixed("id", value.id);
    v.Fixed("kind", value.kind);
    v.Blob("blob", value.blob);
    v("creator", value.creator);
    v("editor", value.editor);
    v("create_time", value.create_time);
    v("update_time", value.update_time);
  }
};

template <>
absl::StatusOr<Resource> Get(Connection& connection, absl::string_view key) {
  return GetRow<Resource>(connection, key);
}
template <>
absl::Status Insert(Connection& connection, Resource* value) {
  return InsertRow(connection, value);
}
template <>
absl::Status Update(Connection& connection, Resource* value) {
  return UpdateRow(connection, value);
}

absl::StatusOr<Page<Resource>> ListResources(Connection& connection, const PageTokens& tokens,
                                             absl::string_view kind, const PageRequest& page) {
  return ListRows<Resource>(connection, tokens, {{"kind", std::string(kind)}}, "",
                            Order::kAscending, page);
}

absl::Status DeleteResource(Connection& connection, const Resource& value) {
  ASSIGN_OR_RETURN(Statement statement,
                   connection.Prepare("DELETE FROM resources WHERE id = ?1 AND version = ?2"));
  statement.BindText(1, value.id);
  statement.BindInt(2, static_cast<int64_t>(value.version));
  RETURN_IF_ERROR(statement.Run());
  if (connection.changes() == 1) return absl::OkStatus();
  return Error(absl::StatusCode::kAborted, "STALE",
               absl::StrCat("resource \"", value.id, "\" was changed meanwhile; read it again"));
}

}  // namespace dbfleet::controller::sqlite
