#include "controller/api/places.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "controller/resources/schedule_source.h"

namespace dbfleet::controller {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::vector<std::string> ValuesOf(const Message& request, absl::string_view name) {
  std::vector<std::string> values;
  const FieldDescriptor* const field = request.GetDescriptor()->FindFieldByName(std::string(name));
  if (field == nullptr || field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) return {""};
  const google::protobuf::Reflection& reflection = *request.GetReflection();
  if (!field->is_repeated()) return {reflection.GetString(request, field)};
  for (int i = 0; i < reflection.FieldSize(request, field); ++i) {
    values.push_back(reflection.GetRepeatedString(request, field, i));
  }
  return values;
}

template <typename T>
absl::StatusOr<std::optional<std::string>> EnvironmentOf(const absl::StatusOr<T>& found) {
  if (absl::IsNotFound(found.status())) return std::optional<std::string>();
  RETURN_IF_ERROR(found.status());
  return std::make_optional(found->environment);
}

// Handlers take the id as it stands in the name, so there is no second way to write one, but for
// environments' other names, which both read alike.
absl::StatusOr<std::optional<std::string>> FindEnvironment(ReadTx& tx, absl::string_view collection,
                                                           const std::string& id) {
  if (collection == "environments") return std::make_optional(std::string(PlainEnvironment(id)));
  if (collection == "jobs") return EnvironmentOf(tx.GetJob(id));
  if (collection == "instances") return EnvironmentOf(tx.GetInstance(id));
  if (collection == "agents") return EnvironmentOf(tx.GetAgent(id));
  if (collection == "backups") return EnvironmentOf(tx.GetBackup(id));
  if (collection == "jobproposals") return EnvironmentOf(tx.rules_reader().GetProposal(id));
  if (collection == "schedules") {
    const absl::StatusOr<Resource> found = tx.GetResource(absl::StrCat("schedules/", id));
    // One that is gone has left occurrences behind, but no environment.
    if (absl::IsNotFound(found.status())) return std::optional<std::string>();
    RETURN_IF_ERROR(found.status());
    const absl::StatusOr<DeclaredSchedule> schedule = ScheduleIn(*found);
    if (!schedule.ok()) return std::optional<std::string>();
    return std::make_optional(schedule->environment);
  }
  return absl::InternalError(absl::StrCat("no way to look up ", collection));
}

}  // namespace

absl::StatusOr<std::vector<Place>> PlacesOf(ReadTx& tx, const Permission& permission,
                                            const Message& request) {
  std::vector<Place> places;
  for (const NamedBy& named : permission.fields) {
    for (const std::string& value : ValuesOf(request, named.field)) {
      if (value.empty() && permission.where == Where::kListed) continue;
      absl::string_view id = value;
      absl::ConsumePrefix(&id, absl::StrCat(named.collection, "/"));
      // What is behind it ("jobs/J/tasks/T") is part of the same thing.
      id = id.substr(0, id.find('/'));
      Place place;
      place.name = absl::StrCat(named.collection, "/", id);
      if (!id.empty()) {
        ASSIGN_OR_RETURN(place.environment, FindEnvironment(tx, named.collection, std::string(id)));
      }
      if (named.may_be_new && !place.environment.has_value()) continue;
      places.push_back(std::move(place));
    }
  }
  return places;
}

std::string EnvironmentOfAll(ReadTx& tx, absl::Span<const Place> places) {
  std::string environment;
  for (const Place& place : places) {
    if (!place.environment.has_value()) return "";
    if (!environment.empty() && *place.environment != environment) return "";
    environment = *place.environment;
  }
  return environment.empty() || tx.GetEnvironment(environment).ok() ? environment : "";
}

}  // namespace dbfleet::controller
