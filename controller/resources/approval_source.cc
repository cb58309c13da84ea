#include "controller/resources/approval_source.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/resources/approval_resource.h"
#include "controller/resources/kinds.h"
#include "controller/store/compiled_once.h"

namespace dbfleet::controller {
namespace {

constexpr char kGeneration[] = "approval_policies.generation";

absl::StatusOr<std::shared_ptr<const ApprovalBook>> Load(ReadTx& tx) {
  auto book = std::make_shared<ApprovalBook>();
  PageRequest page{1000, ""};
  do {
    ASSIGN_OR_RETURN(const Page<Resource> found, tx.ListResources(kApprovalPolicyKind, page));
    for (const Resource& resource : found.items) {
      resource::v1::ApprovalPolicy manifest;
      config::Problems problems;
      const bool parsed = manifest.ParseFromString(resource.blob);
      book->policies.push_back(CompileApprovalPolicy(manifest, &problems));
      const absl::Status status = problems.ToStatus();
      if (parsed && status.ok()) continue;
      book->policies.pop_back();
      book->unreadable_names.push_back(resource.id);
      book->unreadable = absl::StrCat("the stored ", resource.id, " cannot be read (",
                                      status.message(), "); apply it again, or delete it");
    }
    page.token = found.next_token;
  } while (!page.token.empty());
  return book;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const ApprovalBook>> ReadApprovalBook(ReadTx& tx) {
  static auto* const compiled = new CompiledOnce<ApprovalBook>;
  ASSIGN_OR_RETURN(const std::string generation, tx.GetSetting(kGeneration));
  // Without a change there is no name under which it could be kept for all stores.
  if (generation.empty()) return Load(tx);
  return compiled->Of(generation, tx, Load);
}

absl::Status CountApprovalChange(WriteTx& tx, absl::Time now) {
  return NameGeneration(tx, kGeneration, now);
}

}  // namespace dbfleet::controller
