#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/audit/export.h"
#include "common/audit/export_cef.h"
#include "common/audit/export_evidence.h"
#include "common/audit/export_syslog.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/cli/audit_verify.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/out_file.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/audit_service.grpc.pb.h"
#include "dbfleet/api/v1/user_service.grpc.pb.h"

namespace dbfleet::cli {
namespace {

using api::v1::AuditRecord;
using api::v1::AuditService;

std::string Details(const AuditRecord& record) {
  std::map<std::string, std::string> sorted(record.details().begin(), record.details().end());
  return absl::StrJoin(sorted, " ", absl::PairFormatter("="));
}

Listing RecordListing(const std::vector<AuditRecord>& records) {
  Listing listing;
  listing.columns = {IdentityColumn("SEQ"),
                     {"TIME"},
                     {"ACTOR"},
                     {"ACTION"},
                     TextColumn("RESOURCE"),
                     {"ENVIRONMENT"},
                     TextColumn("DETAILS"),
                     {"HASH", true}};
  for (const AuditRecord& record : records) {
    listing.items.push_back(
        {&record,
         absl::StrCat(record.seq()),
         {absl::StrCat(record.seq()), Show(record.record_time()), record.actor(), record.action(),
          record.resource(), record.environment(), Details(record),
          absl::BytesToHexString(record.hash())}});
  }
  return listing;
}

struct RecordFilter {
  std::string resource;
  std::string actor;
  std::string action;
  std::string outcome;
  size_t limit = 50;
};

// An empty table leaves open whether the filter was mistyped.
void SayNothingMatches(Shell& shell, ApiClient* client,
                       const api::v1::ListAuditRecordsRequest& asked) {
  api::v1::ListAuditRecordsRequest all;
  all.set_page_size(asked.page_size());
  all.set_page_token(asked.page_token());
  const bool filtered = all.SerializeAsString() != asked.SerializeAsString();
  shell.Note(filtered ? "No record matches" : "The trail has no records");
  if (!absl::StartsWith(asked.actor(), "users/")) return;
  api::v1::GetUserRequest request;
  request.set_name(asked.actor());
  using api::v1::UserService;
  auto user = client->Call<UserService>(&UserService::Stub::GetUser, request);
  // Not everybody may ask about users; then nothing is said.
  if (absl::IsNotFound(user.status())) {
    shell.Note(absl::StrCat("There is no user \"", ShortName(asked.actor()),
                            "\"; see: dbfleet user list"));
  }
}

absl::Status ListRecords(Shell& shell, const RecordFilter& filter) {
  api::v1::ListAuditRecordsRequest request;
  request.set_resource(filter.resource);
  // Agents and the system act as well, so only a word without its kind is a user's name.
  request.set_actor(absl::StrContains(filter.actor, '/') ? filter.actor
                                                         : FullName("users", filter.actor));
  request.set_action(filter.action);
  if (!filter.outcome.empty()) {
    request.set_outcome(api::v1::ListAuditRecordsRequest::OUTCOME_DENIED);
  }
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(const auto records,
                   (ListAll<AuditService, AuditRecord>(
                       client, &AuditService::Stub::ListAuditRecords, request,
                       &api::v1::ListAuditRecordsResponse::records, filter.limit)));
  shell.PrintList(RecordListing(records));
  if (records.empty()) SayNothingMatches(shell, client, request);
  return absl::OkStatus();
}

audit::ExportedRecord ToExported(const AuditRecord& from) {
  audit::ExportedRecord to;
  to.record.seq = from.seq();
  to.record.time = ToTime(from.record_time());
  to.record.actor = from.actor();
  to.record.action = from.action();
  to.record.resource = from.resource();
  to.record.environment = from.environment();
  to.record.details.insert(from.details().begin(), from.details().end());
  to.record.previous_hash = from.previous_hash();
  to.canonical = from.canonical();
  to.hash = from.hash();
  return to;
}

enum class ExportFormat { kJsonLines, kSyslog, kCef };

ExportFormat FormatOf(const std::string& word) {
  if (word == "syslog") return ExportFormat::kSyslog;
  return word == "cef" ? ExportFormat::kCef : ExportFormat::kJsonLines;
}

// "" for what the format has no line for: the proofs are in the JSON lines only.
std::string LineOf(const api::v1::AuditTrailItem& item, ExportFormat format) {
  if (item.has_record()) {
    const audit::ExportedRecord record = ToExported(item.record());
    if (format == ExportFormat::kSyslog) return audit::WriteSyslogLine(record, "");
    return format == ExportFormat::kCef ? audit::WriteCefLine(record, DBFLEET_VERSION)
                                        : audit::WriteJsonLine(record);
  }
  if (format != ExportFormat::kJsonLines) return "";
  if (item.has_adoption()) return audit::WriteAdoptionLine(item.adoption().text());
  if (item.has_checkpoint()) return audit::WriteCheckpointLine(item.checkpoint().text());
  return audit::WriteReceiptLine(
      {item.receipt().text(), item.receipt().signature(), item.receipt().certificate_pem()});
}

absl::Status ExportTo(Shell& shell, uint64_t from_seq, ExportFormat format, std::ostream& out,
                      uint64_t* count) {
  api::v1::ExportAuditRequest request;
  request.set_from_seq(from_seq);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  const auto write = [&](const api::v1::AuditTrailItem& item) {
    const std::string line = LineOf(item, format);
    if (!line.empty()) out << line << "\n";
    *count += item.has_record() ? 1 : 0;
    return out.good();
  };
  absl::Status status =
      client->Stream<AuditService, api::v1::ExportAuditRequest, api::v1::AuditTrailItem>(
          &AuditService::Stub::ExportAuditTrail, request, absl::InfiniteDuration(), write);
  if (absl::IsUnimplemented(status)) {
    // A controller of the former version, whose trail has no checkpoints.
    status = client->Stream<AuditService, api::v1::ExportAuditRequest, AuditRecord>(
        &AuditService::Stub::ExportAudit, request, absl::InfiniteDuration(),
        [&](const AuditRecord& record) {
          api::v1::AuditTrailItem item;
          *item.mutable_record() = record;
          return write(item);
        });
  }
  RETURN_IF_ERROR(status);
  out.flush();
  if (out.good()) return absl::OkStatus();
  return Error(absl::StatusCode::kResourceExhausted, "IO_ERROR",
               "the export could not be written to its end; is the disk full?");
}

// A part of an export verifies as well as the whole does, so it must never stand under the final
// name.
absl::Status Export(Shell& shell, uint64_t from_seq, ExportFormat format, const std::string& file) {
  uint64_t count = 0;
  if (file.empty()) return ExportTo(shell, from_seq, format, shell.out(), &count);
  ASSIGN_OR_RETURN(const std::unique_ptr<OutFile> out, OutFile::Open(file));
  RETURN_IF_ERROR(ExportTo(shell, from_seq, format, out->stream(), &count));
  RETURN_IF_ERROR(out->Commit());
  shell.Note(absl::StrCat(count, " records are in ", file));
  return absl::OkStatus();
}

absl::Status PrintCheckpoint(Shell& shell) {
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(const api::v1::AuditCheckpoint checkpoint,
                   client->Call<AuditService>(&AuditService::Stub::GetAuditCheckpoint,
                                              api::v1::GetAuditCheckpointRequest()));
  const Listing listing = {{IdentityColumn("CHECKPOINT")},
                           {{&checkpoint, "checkpoint", {"checkpoint"}}}};
  shell.PrintOne(listing, checkpoint.text());
  return absl::OkStatus();
}

absl::Status PrintKeys(Shell& shell, bool agent_ca) {
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(const api::v1::AuditKeys keys,
                   client->Call<AuditService>(&AuditService::Stub::GetAuditKeys,
                                              api::v1::GetAuditKeysRequest()));
  const Listing listing = {{IdentityColumn("KEYS")}, {{&keys, "keys", {"keys"}}}};
  shell.PrintOne(listing, agent_ca ? keys.agent_ca_pem() : keys.trusted_keys());
  return absl::OkStatus();
}

int Done(Shell& shell, const absl::Status& status) {
  return status.ok() ? kExitOk : shell.Fail(status);
}

}  // namespace

void AddAuditCommands(CLI::App& app, Shell& shell) {
  CLI::App* noun = AddNoun(app, "audit", "The audit trail");
  auto filter = std::make_shared<RecordFilter>();
  CLI::App* list = AddVerb(*noun, "list", "List records, newest first", shell,
                           [&shell, filter] { return Done(shell, ListRecords(shell, *filter)); });
  list->add_option("--resource", filter->resource, "Only those whose resource begins with this");
  list->add_option("--actor", filter->actor,
                   "Only those of this actor: a user (ada), agents/db1, system/dispatch");
  list->add_option("--action", filter->action,
                   "Only those whose action begins with this: change., window.open")
      ->type_name("PREFIX");
  list->add_option("--outcome", filter->outcome,
                   "denied: only calls, approvals and inspections that were refused to their "
                   "caller")
      ->check(CLI::IsMember({"denied"}));
  AddLimit(list, &filter->limit);

  auto from = std::make_shared<uint64_t>(1);
  auto out = std::make_shared<std::string>();
  auto format = std::make_shared<std::string>("jsonl");
  CLI::App* exporting =
      AddVerb(*noun, "export", "Export the trail", shell, [&shell, from, format, out] {
        return Done(shell, Export(shell, *from, FormatOf(*format), *out));
      });
  exporting
      ->add_option("--format", *format,
                   "jsonl (with checkpoints and receipts; the only one that can be verified), "
                   "syslog (RFC 5424) or cef; default: jsonl")
      ->check(CLI::IsMember({"jsonl", "syslog", "cef"}));
  exporting->add_option("--from", *from, "The first record's number")
      ->capture_default_str()
      ->check(WholeNumber(1));
  exporting->add_option("--out", *out, "Into this file; default: stdout");

  AddAuditVerify(*noun, shell);
  AddVerb(*noun, "checkpoint", "Print the latest signed checkpoint", shell,
          [&shell] { return Done(shell, PrintCheckpoint(shell)); });
  auto agent_ca = std::make_shared<bool>(false);
  CLI::App* keys =
      AddVerb(*noun, "keys", "Print the keys that sign checkpoints, for audit verify", shell,
              [&shell, agent_ca] { return Done(shell, PrintKeys(shell, *agent_ca)); });
  keys->add_flag("--agent-ca", *agent_ca, "The certificate authority of the agents instead");
}

}  // namespace dbfleet::cli
