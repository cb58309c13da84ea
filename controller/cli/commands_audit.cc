#include <errno.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/struct.pb.h"

#include "common/audit/export.h"
#include "common/audit/export_cef.h"
#include "common/audit/export_evidence.h"
#include "common/audit/export_syslog.h"
#include "common/audit/verify.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/text.h"
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

// An empty table leaves open whether the filter was mistyped.
void SayNothingMatches(Shell& shell, ApiClient* client, const std::string& resource,
                       const std::string& actor) {
  shell.Note(resource.empty() && actor.empty() ? "The trail has no records" : "No record matches");
  if (!absl::StartsWith(actor, "users/")) return;
  api::v1::GetUserRequest request;
  request.set_name(actor);
  using api::v1::UserService;
  auto user = client->Call<UserService>(&UserService::Stub::GetUser, request);
  // Not everybody may ask about users; then nothing is said.
  if (absl::IsNotFound(user.status())) {
    shell.Note(absl::StrCat("There is no user \"", ShortName(actor), "\"; see: dbfleet user list"));
  }
}

absl::Status ListRecords(Shell& shell, const std::string& resource, const std::string& actor,
                         size_t limit) {
  // Agents and the system act as well, so only a word without its kind is a user's name.
  const std::string who = absl::StrContains(actor, '/') ? actor : FullName("users", actor);
  api::v1::ListAuditRecordsRequest request;
  request.set_resource(resource);
  request.set_actor(who);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(const auto records, (ListAll<AuditService, AuditRecord>(
                                           client, &AuditService::Stub::ListAuditRecords, request,
                                           &api::v1::ListAuditRecordsResponse::records, limit)));
  shell.PrintList(RecordListing(records));
  if (records.empty()) SayNothingMatches(shell, client, resource, who);
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

struct VerifyArguments {
  std::string file;
  uint64_t trusted_seq = 0;
  std::string trusted_hash;
  std::string keys_file;
  std::string ca_file;
  std::vector<std::string> checkpoint_files;
  std::vector<std::string> receipt_files;
};

absl::Status LoadProofs(const VerifyArguments& arguments, audit::VerifyOptions* options) {
  if (!arguments.keys_file.empty()) {
    ASSIGN_OR_RETURN(const std::string text, ReadFile(arguments.keys_file));
    absl::StatusOr<audit::TrustedKeys> keys = audit::TrustedKeys::Parse(text);
    if (!keys.ok()) return Annotate(keys.status(), arguments.keys_file);
    options->keys = *std::move(keys);
  }
  if (!arguments.ca_file.empty()) {
    ASSIGN_OR_RETURN(options->receipt_trust.ca_pem, ReadFile(arguments.ca_file));
  }
  for (const std::string& file : arguments.checkpoint_files) {
    ASSIGN_OR_RETURN(std::string text, ReadFile(file));
    options->checkpoints.push_back(std::move(text));
  }
  for (const std::string& file : arguments.receipt_files) {
    // The lines of an export, so that `grep '"type":"receipt"'` makes such a file.
    ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
    for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
      absl::StatusOr<audit::SignedReceipt> receipt = audit::ReadReceiptLine(line);
      if (!receipt.ok()) return Annotate(receipt.status(), file);
      options->receipts.push_back(*std::move(receipt));
    }
  }
  return absl::OkStatus();
}

// What the proofs show, for people.
void SayProofs(Shell& shell, const audit::VerifyReport& report) {
  if (report.checkpoints + report.receipts > 0) {
    shell.out() << "Signed: " << report.checkpoints << " checkpoints, " << report.receipts
                << " receipts, log " << report.log_id << "\n";
  }
  if (report.unsigned_evidence > 0) {
    shell.Note(absl::StrCat(report.unsigned_evidence,
                            " checkpoints and receipts agree, but their signatures were not "
                            "checked; give --trusted-keys and --agent-ca (see: dbfleet audit "
                            "keys)"));
  }
  const uint64_t tail = report.last_seq - std::min(report.covered_seq, report.last_seq);
  if (report.covered_seq > 0 && tail > 0) {
    shell.Note(absl::StrCat("The last ", tail, " records are not covered by a checkpoint"));
  }
  for (const std::string& note : report.notes) shell.Note(SanitizeForDisplay(note));
}

int Report(Shell& shell, const audit::VerifyReport& report) {
  if (!shell.for_people()) {
    google::protobuf::Struct message;
    auto& fields = *message.mutable_fields();
    fields["ok"].set_bool_value(report.ok());
    fields["records"].set_number_value(static_cast<double>(report.records));
    fields["headHash"].set_string_value(report.head_hash);
    fields["logId"].set_string_value(report.log_id);
    fields["root"].set_string_value(report.root);
    fields["checkpoints"].set_number_value(static_cast<double>(report.checkpoints));
    fields["receipts"].set_number_value(static_cast<double>(report.receipts));
    fields["unsignedEvidence"].set_number_value(static_cast<double>(report.unsigned_evidence));
    fields["coveredSeq"].set_number_value(static_cast<double>(report.covered_seq));
    for (const std::string& note : report.notes) {
      fields["notes"].mutable_list_value()->add_values()->set_string_value(note);
    }
    if (!report.ok()) {
      fields["badSeq"].set_number_value(static_cast<double>(report.bad_seq));
      fields["badLine"].set_number_value(static_cast<double>(report.bad_line));
      if (report.bad_to > 0) {
        fields["badFrom"].set_number_value(static_cast<double>(report.bad_from));
        fields["badTo"].set_number_value(static_cast<double>(report.bad_to));
      }
      fields["problem"].set_string_value(report.problem);
    }
    const std::string name = report.ok() ? "ok" : absl::StrCat(report.bad_seq);
    shell.PrintOne({{}, {{&message, name, {}}}});
    return report.ok() ? kExitOk : kExitFailed;
  }
  if (report.ok()) {
    shell.out() << "OK: " << report.records << " records, " << report.first_seq << " to "
                << report.last_seq << ", head " << report.head_hash << "\n";
    if (report.first_seq != 1) {
      shell.Note(absl::StrCat("The file begins with record ", report.first_seq,
                              ": of what came before it this says nothing"));
    }
    SayProofs(shell, report);
    return kExitOk;
  }
  if (report.bad_to > 0) {
    shell.out() << "BAD: records " << report.bad_from << " to " << report.bad_to << ": "
                << SanitizeForDisplay(report.problem) << "\n";
    return kExitFailed;
  }
  shell.out() << "BAD: record " << report.bad_seq << " (line " << report.bad_line
              << "): " << SanitizeForDisplay(report.problem) << "\n";
  return kExitFailed;
}

absl::Status CheckTrustedHash(const std::string& hash) {
  constexpr size_t kDigits = 64;
  if (hash.empty() ||
      (hash.size() == kDigits && std::all_of(hash.begin(), hash.end(), absl::ascii_isxdigit))) {
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kInvalidArgument, "BAD_HASH",
               absl::StrCat("--trusted-hash wants ", kDigits, " hexadecimal digits"));
}

int Verify(Shell& shell, const VerifyArguments& arguments) {
  if (const absl::Status good = CheckTrustedHash(arguments.trusted_hash); !good.ok()) {
    return shell.Fail(good);
  }
  audit::VerifyOptions options;
  options.trusted_seq = arguments.trusted_seq;
  options.trusted_hash = arguments.trusted_hash;
  if (const absl::Status loaded = LoadProofs(arguments, &options); !loaded.ok()) {
    return shell.Fail(loaded);
  }
  absl::StatusOr<audit::VerifyReport> report;
  if (arguments.file == "-") {
    report = audit::VerifyExport(*shell.world().in, options);
  } else {
    std::ifstream in(arguments.file, std::ios::binary);
    if (!in) return shell.Fail(ErrnoStatus(errno, absl::StrCat("open ", arguments.file)));
    report = audit::VerifyExport(in, options);
  }
  if (!report.ok()) return shell.Fail(report.status());
  // Whoever names keys wants their word for it. A trail that was made anew holds together, too.
  if (report->ok() && !arguments.keys_file.empty() && report->checkpoints == 0) {
    report->problem =
        "no checkpoint in the export, or given with --checkpoint, is signed by the trusted keys, "
        "so "
        "nothing tells that these are the records that were written";
    report->bad_from = report->first_seq;
    report->bad_to = report->last_seq;
    report->bad_seq = report->first_seq;
  }
  return Report(shell, *report);
}

absl::Status PrintCheckpoint(Shell& shell) {
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(const api::v1::AuditCheckpoint checkpoint,
                   client->Call<AuditService>(&AuditService::Stub::GetAuditCheckpoint,
                                              api::v1::GetAuditCheckpointRequest()));
  shell.out() << checkpoint.text();
  return absl::OkStatus();
}

absl::Status PrintKeys(Shell& shell, bool agent_ca) {
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(const api::v1::AuditKeys keys,
                   client->Call<AuditService>(&AuditService::Stub::GetAuditKeys,
                                              api::v1::GetAuditKeysRequest()));
  shell.out() << (agent_ca ? keys.agent_ca_pem() : keys.trusted_keys());
  return absl::OkStatus();
}

int Done(Shell& shell, const absl::Status& status) {
  return status.ok() ? kExitOk : shell.Fail(status);
}

}  // namespace

void AddAuditCommands(CLI::App& app, Shell& shell) {
  CLI::App* noun = AddNoun(app, "audit", "The audit trail");
  auto resource = std::make_shared<std::string>();
  auto actor = std::make_shared<std::string>();
  auto limit = std::make_shared<size_t>(50);
  CLI::App* list = AddVerb(*noun, "list", "List records", shell, [&shell, resource, actor, limit] {
    return Done(shell, ListRecords(shell, *resource, *actor, *limit));
  });
  list->add_option("--resource", *resource, "Only those whose resource begins with this");
  list->add_option("--actor", *actor,
                   "Only those of this actor: a user (ada), agents/db1, system/dispatch");
  AddLimit(list, limit.get());

  auto from = std::make_shared<uint64_t>(1);
  auto out = std::make_shared<std::string>();
  auto format = std::make_shared<ExportFormat>(ExportFormat::kJsonLines);
  CLI::App* exporting = AddVerb(
      *noun, "export", "Export the trail", shell,
      [&shell, from, format, out] { return Done(shell, Export(shell, *from, *format, *out)); });
  const std::map<std::string, ExportFormat> formats = {{"jsonl", ExportFormat::kJsonLines},
                                                       {"syslog", ExportFormat::kSyslog},
                                                       {"cef", ExportFormat::kCef}};
  exporting
      ->add_option("--format", *format,
                   "jsonl (with checkpoints and receipts; the only one that can be verified), "
                   "syslog (RFC 5424) or cef; default: jsonl")
      ->transform(CLI::CheckedTransformer(formats).description(""));
  exporting->add_option("--from", *from, "The first record's number")->capture_default_str();
  exporting->add_option("--out", *out, "Into this file; default: stdout");

  auto arguments = std::make_shared<VerifyArguments>();
  CLI::App* verify =
      AddVerb(*noun, "verify", "Verify an export, offline; exit code 1 names the first bad record",
              shell, [&shell, arguments] { return Verify(shell, *arguments); });
  verify->add_option("FILE", arguments->file, "The export, or - for stdin")->required();
  CLI::Option* seq = verify->add_option("--trusted-seq", arguments->trusted_seq,
                                        "A record whose hash you have noted elsewhere ...");
  CLI::Option* hash =
      verify->add_option("--trusted-hash", arguments->trusted_hash, "... and that hash, in hex");
  // An empty name, as of a variable that is not set, would silently turn the check off.
  const auto not_empty = [](const std::string& file) {
    return file.empty() ? std::string("it wants the name of a file") : std::string();
  };
  verify
      ->add_option("--trusted-keys", arguments->keys_file,
                   "Whose checkpoints count: a file that `dbfleet audit keys` printed")
      ->check(not_empty);
  verify
      ->add_option("--agent-ca", arguments->ca_file,
                   "Whose agents' receipts count: what `dbfleet audit keys --agent-ca` printed")
      ->check(not_empty);
  verify->add_option("--checkpoint", arguments->checkpoint_files,
                     "A checkpoint that was kept elsewhere; may be repeated");
  verify->add_option("--receipt", arguments->receipt_files,
                     "A file with receipts as an export has them; may be repeated");
  seq->needs(hash);
  hash->needs(seq);

  AddVerb(*noun, "checkpoint", "Print the latest signed checkpoint", shell,
          [&shell] { return Done(shell, PrintCheckpoint(shell)); });
  auto agent_ca = std::make_shared<bool>(false);
  CLI::App* keys =
      AddVerb(*noun, "keys", "Print the keys that sign checkpoints, for audit verify", shell,
              [&shell, agent_ca] { return Done(shell, PrintKeys(shell, *agent_ca)); });
  keys->add_flag("--agent-ca", *agent_ca, "The certificate authority of the agents instead");
}

}  // namespace dbfleet::cli
