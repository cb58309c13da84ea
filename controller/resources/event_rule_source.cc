#include "controller/resources/event_rule_source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/ids.h"
#include "common/base/status.h"

namespace dbfleet::controller {
namespace {

constexpr char kGeneration[] = "event_rules.generation";

absl::StatusOr<std::shared_ptr<const EventRuleBook>> Load(ReadTx& tx) {
  auto book = std::make_shared<EventRuleBook>();
  PageRequest page{1000, ""};
  do {
    ASSIGN_OR_RETURN(const Page<Resource> found, tx.ListResources(kEventRuleKind, page));
    for (const Resource& resource : found.items) {
      absl::StatusOr<DeclaredEventRule> rule = EventRuleIn(resource);
      if (rule.ok()) {
        const std::string name = rule->name;
        book->rules.emplace(name, *std::move(rule));
      } else {
        book->unreadable.emplace(resource.id, std::string(rule.status().message()));
      }
    }
    page.token = found.next_token;
  } while (!page.token.empty());
  return book;
}

absl::StatusOr<uint64_t> HeadOf(ReadTx& tx) {
  ASSIGN_OR_RETURN(const Page<AuditRow> last, tx.ListAudit({}, {1, ""}));
  return last.items.empty() ? 0 : last.items[0].seq;
}

void AddDeclarer(const std::string& principal, EventRuleState* state) {
  auto& all = state->declarers;
  if (std::find(all.begin(), all.end(), principal) == all.end()) all.push_back(principal);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const EventRuleBook>> EventRuleSource::Read(ReadTx& tx) {
  ASSIGN_OR_RETURN(const std::string generation, tx.GetSetting(kGeneration));
  return book_.Of(generation, tx, Load);
}

absl::StatusOr<DeclaredEventRule> EventRuleIn(const Resource& resource) {
  resource::v1::EventRule manifest;
  config::Problems problems;
  const bool parsed = manifest.ParseFromString(resource.blob);
  std::optional<DeclaredEventRule> rule = CompileEventRule(manifest, &problems);
  if (!parsed || !rule.has_value()) {
    return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
                 absl::StrCat("the stored ", resource.id, " cannot be read (",
                              problems.ToStatus().message(), "); apply it again, or delete it"));
  }
  rule->version = resource.version;
  rule->editor = resource.editor;
  return *std::move(rule);
}

absl::Status NoteEventRuleApplied(WriteTx& tx, const DeclaredEventRule& rule, bool moved,
                                  bool was_suspended, const std::string& principal,
                                  absl::Time now) {
  RETURN_IF_ERROR(NameGeneration(tx, kGeneration, now));
  absl::StatusOr<EventRuleState> former = tx.rules().GetState(rule.name);
  if (!former.ok() && !absl::IsNotFound(former.status())) return former.status();
  EventRuleState state = former.ok() ? *former : EventRuleState();
  AddDeclarer(principal, &state);
  const bool is_new = !former.ok() || state.deleted || moved;
  if (is_new) {
    state.name = rule.name;
    state.uid = NewUlid(now);
    state.deleted = false;
  }
  if (is_new || was_suspended) {
    ASSIGN_OR_RETURN(state.since_seq, HeadOf(tx));
  }
  return former.ok() ? tx.rules().Update(&state) : tx.rules().Insert(&state);
}

absl::Status NoteEventRuleDeleted(WriteTx& tx, const std::string& name,
                                  const std::string& principal, absl::Time now) {
  RETURN_IF_ERROR(NameGeneration(tx, kGeneration, now));
  ASSIGN_OR_RETURN(EventRuleState state, tx.rules().GetState(name));
  AddDeclarer(principal, &state);
  state.deleted = true;
  return tx.rules().Update(&state);
}

absl::Status NoteEventRuleUser(WriteTx& tx, const std::string& rule, const std::string& principal) {
  ASSIGN_OR_RETURN(EventRuleState state, tx.rules().GetState(rule));
  const size_t before = state.declarers.size();
  AddDeclarer(principal, &state);
  return state.declarers.size() == before ? absl::OkStatus() : tx.rules().Update(&state);
}

}  // namespace dbfleet::controller
