#include "controller/resources/view.h"

#include <algorithm>
#include <iterator>
#include <memory>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/config/yaml_writer.h"
#include "controller/resources/access.h"
#include "controller/resources/environment_resource.h"

namespace dbfleet::controller {

absl::StatusOr<std::string> YamlOf(const ResourceKind& kind, const std::string& blob,
                                   absl::string_view id) {
  const std::unique_ptr<google::protobuf::Message> message(kind.prototype->New());
  if (message->ParseFromString(blob)) return config::WriteYaml(*message);
  return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
               absl::StrCat("the stored ", id, " cannot be read; apply it again, or delete it"));
}

absl::StatusOr<ResourceView> ViewOf(const Resource& resource) {
  ResourceView view{resource.id,          resource.kind,   "",
                    resource.creator,     resource.editor, resource.create_time,
                    resource.update_time, resource.version};
  const ResourceKind* const kind = FindResourceKind(resource.kind);
  if (kind == nullptr) {
    return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
                 absl::StrCat(resource.id, " is of a kind that this version does not know"));
  }
  ASSIGN_OR_RETURN(view.yaml, YamlOf(*kind, resource.blob, resource.id));
  return view;
}

EnvironmentFilter StoredReach(const ResourceKind& kind, const Resource& resource) {
  const std::unique_ptr<google::protobuf::Message> message(kind.prototype->New());
  return message->ParseFromString(resource.blob) ? ReachOf(kind, *message) : EnvironmentFilter();
}

ResourceView ViewOf(const Environment& environment) {
  ResourceView view;
  view.id = absl::StrCat("environments/", environment.name);
  view.kind = std::string(kEnvironmentKind);
  view.yaml = config::WriteYaml(ManifestOf(environment));
  view.version = environment.version;
  return view;
}

absl::StatusOr<ResourceView> ViewOf(ReadTx& tx, const Environment& environment) {
  constexpr absl::string_view kChanges[] = {"resource.create", "resource.update",
                                            "environment.create", "environment.update"};
  constexpr int kMostPages = 10;
  ResourceView view = ViewOf(environment);
  // Newest first, also of environments whose names begin alike.
  PageRequest page{100, ""};
  for (int i = 0; i < kMostPages; ++i) {
    ASSIGN_OR_RETURN(const Page<AuditRow> found, tx.ListAudit({view.id, ""}, page));
    for (const AuditRow& row : found.items) {
      if (row.entry.resource != view.id || std::find(std::begin(kChanges), std::end(kChanges),
                                                     row.entry.action) == std::end(kChanges)) {
        continue;
      }
      view.editor = row.entry.actor;
      view.update_time = row.record_time;
      return view;
    }
    page.token = found.next_token;
    if (page.token.empty()) break;
  }
  return view;
}

}  // namespace dbfleet::controller
