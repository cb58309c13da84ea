#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"

#include "common/config/problems.h"
#include "common/config/yaml_documents.h"
#include "controller/resources/kinds.h"

namespace dbfleet::controller {

struct ManifestText {
  std::string path;  // For messages.
  std::string text;
  uint64_t version = 0;      // If not 0: of its only resource, which still has to have it.
  bool create_only = false;  // Of its only resource there must be none yet.
};

// One declared resource, checked, with the defaults in place of what was left out.
struct Manifest {
  const ResourceKind* kind = nullptr;
  std::string name;
  std::string place;                                     // "PATH:LINE" of its kind.
  std::string path;                                      // For messages.
  std::shared_ptr<const config::YamlDocument> document;  // Its text, and where that is.
  std::shared_ptr<const google::protobuf::Message> message;
  uint64_t version = 0;      // As ManifestText::version.
  bool create_only = false;  // As ManifestText::create_only.

  std::string id() const;  // "maintenancewindows/weekend".
};

// Where in its file each field of a manifest stands. Reading it again takes as long as parsing it,
// so this is made where something is wrong.
class FieldPlaces {
 public:
  explicit FieldPlaces(const Manifest& manifest);

  // "f.yaml:9:5: schedules/nightly: spec.targets.instances[0]: ", to which a message is added. A
  // field that is not written there has the place of what it belongs to.
  std::string At(absl::string_view field) const;

 private:
  const std::string id_;
  const config::Problems problems_;
};

// INVALID_ARGUMENT: something is wrong with this field.
absl::Status BadField(const Manifest& manifest, absl::string_view field, absl::string_view reason,
                      absl::string_view message);

inline constexpr size_t kMostManifestTexts = 100;
inline constexpr size_t kMostManifestBytes = 1 << 20;  // Of one text.
inline constexpr size_t kMostManifestLines = 50'000;   // Of one text.
inline constexpr size_t kMostManifests = 1000;

// Reads YAML texts of one or more documents each. INVALID_ARGUMENT (BAD_MANIFEST) with a line for
// each problem of all of them, with path, line and column.
absl::StatusOr<std::vector<Manifest>> ParseManifests(absl::Span<const ManifestText> texts);

// "maintenancewindows/weekend" in its parts. INVALID_ARGUMENT (BAD_RESOURCE_NAME).
absl::StatusOr<std::pair<const ResourceKind*, std::string>> ParseResourceId(absl::string_view id);

}  // namespace dbfleet::controller
