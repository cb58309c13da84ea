#include "controller/notify/facts.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/base/status.h"
#include "common/config/yaml_writer.h"
#include "controller/domain/names.h"
#include "controller/routes/text_template.h"
#include "dbfleet/resource/v1/proposal.pb.h"
#include "dbfleet/resource/v1/resource.pb.h"

namespace dbfleet::controller {
namespace {

constexpr char kProposed[] = "proposed";
constexpr absl::string_view kEnvironments = "environments/";

absl::string_view StatusWord(Meaning meaning) {
  switch (meaning) {
    case Meaning::kTrouble:
      return "trouble";
    case Meaning::kRelief:
      return "over";
    case Meaning::kNews:
      break;
  }
  return "news";
}

// "instances/x/databases/y" -> "x"; "" for anything else.
std::string InstanceIn(absl::string_view name) {
  if (!absl::StartsWith(name, "instances/")) return "";
  name.remove_prefix(10);
  return std::string(name.substr(0, name.find('/')));
}

absl::Status AddInstance(ReadTx& tx, const std::string& id, EventPlace* place) {
  if (id.empty()) return absl::OkStatus();
  const auto same = [&](const EventInstance& i) { return i.id == id; };
  if (std::any_of(place->instances.begin(), place->instances.end(), same)) return absl::OkStatus();
  const absl::StatusOr<Instance> instance = tx.GetInstance(id);
  if (!instance.ok() && !IsGone(instance.status())) return instance.status();
  place->instances.push_back(
      {id, instance.ok() ? instance->labels : std::map<std::string, std::string>()});
  return absl::OkStatus();
}

// What a detail of a record is called in templates.
struct Detail {
  const char* detail;
  const char* field;
};
constexpr Detail kDetails[] = {
    {"target", "target"}, {"state", "state"},         {"status", "state"},  {"safety", "safety"},
    {"rows", "rows"},     {"estimated_rows", "rows"}, {"reason", "reason"}, {"why", "error"},
    {"reasons", "error"}, {"error", "error"},         {"cause", "error"},   {"title", "title"},
};

// One that is gone or cannot be read is told without.
absl::Status AddJob(ReadTx& tx, const std::string& id, bool with_instances, ToldEvent* told) {
  const absl::StatusOr<Job> job = tx.GetJob(id);
  if (IsGone(job.status())) return absl::OkStatus();
  RETURN_IF_ERROR(job.status());
  told->place.job_kind = std::string(NameOf(job->kind));
  told->fields["kind"] = told->place.job_kind;
  told->fields["title"] = job->title;
  told->fields["request_reason"] = job->reason;
  told->fields["requester"] = job->requester;
  told->fields["command"] = absl::StrCat("dbfleet job explain ", id);
  if (!with_instances || !told->place.instances.empty()) return absl::OkStatus();
  const absl::StatusOr<std::vector<Task>> tasks = tx.TasksOfJob(id);
  if (IsGone(tasks.status())) return absl::OkStatus();
  RETURN_IF_ERROR(tasks.status());
  for (const Task& task : *tasks) {
    RETURN_IF_ERROR(AddInstance(tx, task.instance_id, &told->place));
  }
  return absl::OkStatus();
}

// What somebody would decide about, and how. One that is gone or cannot be read is told without.
absl::Status AddProposedJob(ReadTx& tx, const std::string& id, ToldEvent* told) {
  told->fields["command"] = absl::StrCat("dbfleet rule proposal ", id);
  const absl::StatusOr<JobProposal> proposal = tx.rules_reader().GetProposal(id);
  if (IsGone(proposal.status())) return absl::OkStatus();
  RETURN_IF_ERROR(proposal.status());
  resource::v1::ScheduledJob job;
  if (!job.ParseFromString(proposal->job_blob)) return absl::OkStatus();
  bool cut = false;
  told->fields[kProposed] = FieldLines(config::WriteYaml(job), &cut);
  if (cut) return absl::OkStatus();
  told->fields["command"] =
      absl::StrCat("dbfleet rule accept ", id, " --reason REASON, or: ", "dbfleet rule decline ",
                   id, " --reason REASON");
  return absl::OkStatus();
}

absl::Status AddProposedRules(ReadTx& tx, const std::string& name, ToldEvent* told) {
  const std::string id = name.substr(name.find('/') + 1);
  told->fields["command"] = absl::StrCat("dbfleet proposal show ", id);
  const absl::StatusOr<Resource> row = tx.GetResource(name);
  if (IsGone(row.status())) return absl::OkStatus();
  RETURN_IF_ERROR(row.status());
  resource::v1::Proposal proposal;
  if (!proposal.ParseFromString(row->blob)) return absl::OkStatus();
  ProposedRules& rules = told->proposed.emplace();
  rules.id = id;
  rules.digest = proposal.digest();
  for (const resource::v1::ProposedChange& from : proposal.changes()) {
    ProposedRules::Change& change = rules.changes.emplace_back();
    const absl::string_view changed = from.name();
    if (absl::StartsWith(changed, kEnvironments)) {
      change.environment = std::string(changed.substr(kEnvironments.size()));
    }
    change.text = absl::StrCat(changed, from.yaml().empty()   ? " would be deleted"
                                        : from.etag().empty() ? " would be created"
                                                              : " would be updated");
    for (const std::string& line : from.diff()) absl::StrAppend(&change.text, "\n  ", line);
  }
  return absl::OkStatus();
}

}  // namespace

bool IsGone(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsDataLoss(status);
}

absl::StatusOr<ToldEvent> Gather(ReadTx& tx, const AuditRow& row, AuditEvent event,
                                 bool with_instances) {
  ToldEvent told;
  told.event = std::move(event);
  const AuditEntry& entry = row.entry;
  if (!entry.environment.empty()) told.place.environments = {entry.environment};
  const auto environments = entry.details.find("environments");
  if (environments != entry.details.end()) {
    told.place.environments = absl::StrSplit(environments->second, ',');
    for (std::string& name : told.place.environments) absl::StripAsciiWhitespace(&name);
    told.place.everywhere = environments->second == kEverywhere;
  }
  for (const Detail& detail : kDetails) {
    const auto it = entry.details.find(detail.detail);
    if (it != entry.details.end() && !it->second.empty()) told.fields[detail.field] = it->second;
  }
  const auto target = entry.details.find("target");
  if (target != entry.details.end()) {
    RETURN_IF_ERROR(AddInstance(tx, InstanceIn(target->second), &told.place));
  }
  RETURN_IF_ERROR(AddInstance(tx, InstanceIn(entry.resource), &told.place));
  if (absl::StartsWith(entry.resource, "jobs/")) {
    RETURN_IF_ERROR(AddJob(tx, entry.resource.substr(5), with_instances, &told));
  }
  if (told.event.meaning == Meaning::kTrouble) {
    if (absl::StartsWith(entry.resource, "jobproposals/")) {
      RETURN_IF_ERROR(AddProposedJob(tx, entry.resource.substr(13), &told));
    } else if (absl::StartsWith(entry.resource, "proposals/")) {
      RETURN_IF_ERROR(AddProposedRules(tx, entry.resource, &told));
    }
  }
  told.fields["trigger"] = told.event.trigger;
  told.fields["status"] = std::string(StatusWord(told.event.meaning));
  told.fields["subject"] = told.event.subject;
  told.fields["environment"] = entry.environment;
  told.fields["actor"] = entry.actor;
  told.fields["seq"] = absl::StrCat(row.seq);
  told.fields["time"] =
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", row.record_time, absl::UTCTimeZone());
  for (auto it = told.fields.begin(); it != told.fields.end();) {
    if (it->first != kProposed) it->second = FieldText(it->second);
    it = it->second.empty() ? told.fields.erase(it) : std::next(it);
  }
  const auto title = told.fields.find("title");
  told.fields["summary"] = FieldText(
      absl::StrCat(told.event.subject, " ", told.event.words,
                   entry.environment.empty() ? "" : absl::StrCat(" in ", entry.environment),
                   title == told.fields.end() ? "" : absl::StrCat(": ", title->second)));
  return told;
}

std::map<std::string, std::string> FieldsFor(const ToldEvent& told, const Route& route) {
  std::map<std::string, std::string> fields = told.fields;
  if (!told.proposed.has_value()) return fields;
  const ProposedRules& rules = *told.proposed;
  const auto& wanted = route.spec.selector().environments();
  std::string text;
  int others = 0;
  for (const ProposedRules::Change& change : rules.changes) {
    const bool selected =
        !change.environment.empty() &&
        (wanted.empty() || std::count(wanted.begin(), wanted.end(), change.environment) != 0);
    if (selected) absl::StrAppend(&text, text.empty() ? "" : "\n", change.text);
    if (!selected) ++others;
  }
  bool cut = false;
  std::string& proposed = fields[kProposed];
  proposed = FieldLines(text, &cut);
  if (others > 0) {
    absl::StrAppend(&proposed, "\n  (and ", others,
                    others == 1 ? " other change" : " other changes", ": dbfleet proposal show ",
                    rules.id, ")");
  }
  if (proposed.empty()) fields.erase(kProposed);
  if (cut || others > 0) return fields;
  fields["command"] =
      absl::StrCat("dbfleet proposal approve ", rules.id, " --digest ", rules.digest.substr(0, 12),
                   " --reason REASON, or: dbfleet proposal reject ", rules.id, " --reason REASON");
  return fields;
}

std::string UsualTime::KeyOf(const Job& job, const Task& task) {
  return absl::StrCat("duration.", NameOf(job.kind), ".", task.Target());
}

std::vector<absl::Duration> UsualTime::Read(const std::string& setting) {
  std::vector<absl::Duration> samples;
  for (const absl::string_view text : absl::StrSplit(setting, ',', absl::SkipEmpty())) {
    int64_t seconds = 0;
    if (absl::SimpleAtoi(text, &seconds)) samples.push_back(absl::Seconds(seconds));
  }
  return samples;
}

std::string UsualTime::Write(std::vector<absl::Duration> samples, absl::Duration next) {
  samples.push_back(next);
  if (samples.size() > kSamples) samples.erase(samples.begin());
  return absl::StrJoin(samples, ",", [](std::string* out, absl::Duration d) {
    absl::StrAppend(out, absl::ToInt64Seconds(d));
  });
}

absl::Duration UsualTime::Median(std::vector<absl::Duration> samples) {
  if (samples.size() < kLeast) return absl::ZeroDuration();
  std::nth_element(samples.begin(), samples.begin() + samples.size() / 2, samples.end());
  return samples[samples.size() / 2];
}

bool UsualTime::IsSlow(absl::Duration took, absl::Duration usual) {
  return usual > absl::ZeroDuration() && took > 2 * usual && took - usual > absl::Minutes(1);
}

}  // namespace dbfleet::controller
