#include "controller/resources/view.h"

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
  ResourceView view = ViewOf(environment);
  ASSIGN_OR_RETURN(const Page<AuditRow> newest,
                   tx.ListAudit({.resource_prefix = view.id,
                                 .exact = true,
                                 .actions = {"resource.create", "resource.update",
                                             "environment.create", "environment.update"}},
                                {1, ""}));
  if (newest.items.empty()) return view;
  view.editor = newest.items[0].entry.actor;
  view.update_time = newest.items[0].record_time;
  return view;
}

}  // namespace dbfleet::controller
