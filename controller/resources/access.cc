#include "controller/resources/access.h"

#include <algorithm>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/identity/permissions.h"
#include "controller/identity/roles_in.h"
#include "controller/resources/schedule_source.h"
#include "controller/rules/rule.h"
#include "dbfleet/resource/v1/event_rule.pb.h"

namespace dbfleet::controller {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

const Message* Part(const Message& message, const std::string& name) {
  const FieldDescriptor* const field = message.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr || field->is_repeated() ||
      field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE ||
      !message.GetReflection()->HasField(message, field)) {
    return nullptr;
  }
  return &message.GetReflection()->GetMessage(message, field);
}

void AddNames(const Message& message, const std::string& name, std::vector<std::string>* names) {
  const FieldDescriptor* const field = message.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr || field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) return;
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  if (!field->is_repeated()) {
    const std::string value = reflection.GetString(message, field);
    if (!value.empty()) names->push_back(value);
    return;
  }
  for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
    names->push_back(reflection.GetRepeatedString(message, field, i));
  }
}

}  // namespace

EnvironmentFilter ReachOf(const ResourceKind& kind, const Message& message) {
  if (kind.kind == kEnvironmentKind) return EnvironmentFilter(MetadataOf(message).name());
  std::vector<std::string> names;
  if (const Message* const spec = Part(message, "spec")) {
    AddNames(*spec, "environment", &names);
    AddNames(*spec, "environments", &names);
    if (const Message* const selector = Part(*spec, "selector")) {
      AddNames(*selector, "environments", &names);
    }
  }
  return names.empty() ? EnvironmentFilter() : EnvironmentFilter::Only(std::move(names));
}

Verb VerbToChange(const ResourceKind& kind) {
  return kind.kind == kRoleBindingKind ? Verb::kAdminister : Verb::kDeclare;
}

Verb VerbToSee(const ResourceKind& kind) {
  return kind.kind == kRoleBindingKind ? Verb::kAudit : Verb::kRead;
}

bool MaySee(const Rights& rights, const ResourceKind& kind, const EnvironmentFilter& reach) {
  const Verb verb = VerbToSee(kind);
  if (reach.all()) return rights.Anywhere(verb);
  return std::any_of(reach.names().begin(), reach.names().end(),
                     [&](const std::string& name) { return rights.In(verb, name); });
}

bool MayChange(const Rights& rights, const ResourceKind& kind, const EnvironmentFilter& reach) {
  const Verb verb = VerbToChange(kind);
  if (reach.all()) return rights.Everywhere(verb);
  return std::all_of(reach.names().begin(), reach.names().end(),
                     [&](const std::string& name) { return rights.In(verb, name); });
}

bool MayUse(const Rights& rights, const ResourceKind& kind, const Message& message) {
  if (!WorksByItself(kind, message)) return true;
  const EnvironmentFilter reach = ReachOf(kind, message);
  if (reach.all()) return rights.Everywhere(kScheduledVerb);
  return std::all_of(reach.names().begin(), reach.names().end(),
                     [&](const std::string& name) { return rights.In(kScheduledVerb, name); });
}

bool WorksByItself(const ResourceKind& kind, const Message& message) {
  if (kind.kind == kScheduleKind) {
    return !static_cast<const resource::v1::Schedule&>(message).spec().suspended();
  }
  if (kind.kind != kEventRuleKind) return false;
  const auto& spec = static_cast<const resource::v1::EventRule&>(message).spec();
  return !spec.suspended() && spec.propose().mode() == "run";
}

void NotePlace(const std::vector<EnvironmentFilter>& reaches, AuditEntry* entry) {
  std::set<std::string> names;
  for (const EnvironmentFilter& reach : reaches) {
    if (reach.all()) {
      entry->details["environments"] = "*";
      return;
    }
    names.insert(reach.names().begin(), reach.names().end());
  }
  if (names.size() == 1) {
    entry->environment = *names.begin();
  } else if (!names.empty()) {
    entry->details["environments"] = absl::StrJoin(names, ",");
  }
}

absl::Status HiddenOrMissing(absl::string_view id, Verb verb) {
  const std::vector<Verb> verbs = {verb};
  return Error(absl::StatusCode::kPermissionDenied, "ROLE_MISSING",
               absl::StrCat("there is no ", SanitizeForDisplay(Truncate(id, 200)),
                            ", or it is about environments where this token does not give the "
                            "role ",
                            RoleWords(verbs)));
}

}  // namespace dbfleet::controller
