#include <errno.h>
#include <stdio.h>

#include <fstream>
#include <iterator>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/struct.pb.h"

#include "common/audit/export.h"
#include "common/audit/verify.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
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

std::string ExportLine(const AuditRecord& from) {
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
  return audit::WriteJsonLine(to);
}

absl::Status ExportTo(Shell& shell, uint64_t from_seq, std::ostream& out, uint64_t* count) {
  api::v1::ExportAuditRequest request;
  request.set_from_seq(from_seq);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  RETURN_IF_ERROR((client->Stream<AuditService, api::v1::ExportAuditRequest, AuditRecord>(
      &AuditService::Stub::ExportAudit, request, absl::InfiniteDuration(),
      [&](const AuditRecord& record) {
        out << ExportLine(record) << "\n";
        ++*count;
        return out.good();
      })));
  out.flush();
  if (out.good()) return absl::OkStatus();
  return Error(absl::StatusCode::kResourceExhausted, "IO_ERROR",
               "the export could not be written to its end; is the disk full?");
}

// A part of an export verifies as well as the whole does, so it must never stand under the final
// name.
absl::Status Export(Shell& shell, uint64_t from_seq, const std::string& file) {
  uint64_t count = 0;
  if (file.empty()) return ExportTo(shell, from_seq, shell.out(), &count);
  const std::string part = file + ".part";
  std::ofstream out(part, std::ios::trunc | std::ios::binary);
  if (!out) return ErrnoStatus(errno, absl::StrCat("create ", part));
  absl::Status status = ExportTo(shell, from_seq, out, &count);
  out.close();
  if (status.ok() && !out) status = ErrnoStatus(EIO, absl::StrCat("write ", part));
  if (status.ok() && rename(part.c_str(), file.c_str()) != 0) {
    status = ErrnoStatus(errno, absl::StrCat("rename to ", file));
  }
  if (!status.ok()) {
    remove(part.c_str());
    return status;
  }
  shell.Note(absl::StrCat(count, " records are in ", file));
  return absl::OkStatus();
}

struct VerifyArguments {
  std::string file;
  uint64_t trusted_seq = 0;
  std::string trusted_hash;
};

int Report(Shell& shell, const audit::VerifyReport& report) {
  if (!shell.for_people()) {
    google::protobuf::Struct message;
    auto& fields = *message.mutable_fields();
    fields["ok"].set_bool_value(report.ok());
    fields["records"].set_number_value(static_cast<double>(report.records));
    fields["headHash"].set_string_value(report.head_hash);
    if (!report.ok()) {
      fields["badSeq"].set_number_value(static_cast<double>(report.bad_seq));
      fields["badLine"].set_number_value(static_cast<double>(report.bad_line));
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
    return kExitOk;
  }
  shell.out() << "BAD: record " << report.bad_seq << " (line " << report.bad_line
              << "): " << SanitizeForDisplay(report.problem) << "\n";
  return kExitFailed;
}

int Verify(Shell& shell, const VerifyArguments& arguments) {
  audit::VerifyOptions options;
  options.trusted_seq = arguments.trusted_seq;
  options.trusted_hash = arguments.trusted_hash;
  absl::StatusOr<audit::VerifyReport> report;
  if (arguments.file == "-") {
    report = audit::VerifyExport(*shell.world().in, options);
  } else {
    std::ifstream in(arguments.file, std::ios::binary);
    if (!in) return shell.Fail(ErrnoStatus(errno, absl::StrCat("open ", arguments.file)));
    report = audit::VerifyExport(in, options);
  }
  if (!report.ok()) return shell.Fail(report.status());
  return Report(shell, *report);
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
  CLI::App* exporting =
      AddVerb(*noun, "export", "Export the trail as JSON lines", shell,
              [&shell, from, out] { return Done(shell, Export(shell, *from, *out)); });
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
  seq->needs(hash);
  hash->needs(seq);
}

}  // namespace dbfleet::cli
