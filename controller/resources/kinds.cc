#include "controller/resources/kinds.h"

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"

#include "controller/resources/environment_resource.h"
#include "controller/resources/window_resource.h"

namespace dbfleet::controller {
namespace {

using google::protobuf::Message;

template <typename T, void (*Fill)(T*)>
void FillAs(Message* message) {
  Fill(static_cast<T*>(message));
}

template <typename T, void (*Check)(const T&, config::Problems*)>
void CheckAs(const Message& message, config::Problems* problems) {
  Check(static_cast<const T&>(message), problems);
}

void CheckWindow(const resource::v1::MaintenanceWindow& manifest, config::Problems* problems) {
  (void)CompileWindow(manifest, problems);
}

}  // namespace

absl::Span<const ResourceKind> ResourceKinds() {
  using resource::v1::Environment;
  using resource::v1::MaintenanceWindow;
  static const ResourceKind kKinds[] = {
      {kEnvironmentKind, "environments", &Environment::default_instance(),
       &FillAs<Environment, FillEnvironment>, &CheckAs<Environment, CheckEnvironment>},
      {kWindowKind, "maintenancewindows", &MaintenanceWindow::default_instance(),
       &FillAs<MaintenanceWindow, FillWindow>, &CheckAs<MaintenanceWindow, CheckWindow>},
  };
  return kKinds;
}

const ResourceKind* FindResourceKind(absl::string_view word) {
  for (const ResourceKind& kind : ResourceKinds()) {
    if (absl::EqualsIgnoreCase(word, kind.kind) || absl::EqualsIgnoreCase(word, kind.collection)) {
      return &kind;
    }
  }
  return nullptr;
}

std::string KnownKinds() {
  return absl::StrJoin(ResourceKinds(), ", ", [](std::string* out, const ResourceKind& kind) {
    out->append(kind.kind.data(), kind.kind.size());
  });
}

const resource::v1::Metadata& MetadataOf(const Message& message) {
  const auto* field = message.GetDescriptor()->FindFieldByName("metadata");
  return static_cast<const resource::v1::Metadata&>(
      message.GetReflection()->GetMessage(message, field));
}

}  // namespace dbfleet::controller
