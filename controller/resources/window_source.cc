#include "controller/resources/window_source.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/resources/kinds.h"
#include "controller/resources/window_resource.h"

namespace dbfleet::controller {
namespace {

constexpr char kGeneration[] = "windows.generation";

absl::StatusOr<std::shared_ptr<const WindowBook>> Load(ReadTx& tx) {
  std::vector<DeclaredWindow> windows;
  PageRequest page{1000, ""};
  do {
    ASSIGN_OR_RETURN(const Page<Resource> found, tx.ListResources(kWindowKind, page));
    for (const Resource& resource : found.items) {
      resource::v1::MaintenanceWindow manifest;
      config::Problems problems;
      const bool parsed = manifest.ParseFromString(resource.blob);
      DeclaredWindow declared = CompileWindow(manifest, &problems);
      declared.uid = absl::StrCat(absl::ToUnixNanos(resource.create_time));
      declared.editor = resource.editor;
      declared.change_time = resource.update_time;
      windows.push_back(std::move(declared));
      const absl::Status status = problems.ToStatus();
      if (parsed && status.ok()) continue;
      return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
                   absl::StrCat("the stored ", resource.id, " cannot be read (", status.message(),
                                "); apply it again, or delete it"));
    }
    page.token = found.next_token;
  } while (!page.token.empty());
  return std::make_shared<const WindowBook>(std::move(windows));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const WindowBook>> WindowSource::Read(ReadTx& tx) {
  ASSIGN_OR_RETURN(const std::string generation, tx.GetSetting(kGeneration));
  return book_.Of(generation, tx, Load);
}

absl::Status WindowSource::CountChange(WriteTx& tx, absl::Time now) {
  return NameGeneration(tx, kGeneration, now);
}

}  // namespace dbfleet::controller
