#include "controller/cli/audit_verify.h"

#include <errno.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/struct.pb.h"

#include "common/audit/checkpoint.h"
#include "common/audit/export_evidence.h"
#include "common/audit/verify.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/cli/exit_code.h"

namespace dbfleet::cli {
namespace {

struct VerifyArguments {
  std::string file;
  uint64_t trusted_seq = 0;
  std::string trusted_hash;
  std::string keys_file;
  std::string ca_file;
  std::vector<std::string> checkpoint_files;
  std::vector<std::string> receipt_files;
};

// What a file that was given as something else is, for the error; "" if that is not seen.
std::string KindOf(const std::string& text) {
  const std::string line = text.substr(0, text.find('\n'));
  if (absl::StartsWith(line, "-----BEGIN CERTIFICATE-----")) return "a certificate (--agent-ca)";
  if (audit::ParseCheckpoint(text).ok()) return "a checkpoint (--checkpoint)";
  if (audit::TrustedKeys::Parse(text).ok()) return "trusted keys (--trusted-keys)";
  if (audit::ReadReceiptLine(line).ok()) return "receipts (--receipt)";
  if (absl::StartsWith(line, "{\"type\":\"")) return "an export (FILE)";
  return "";
}

absl::Status WrongKind(const std::string& file, absl::string_view wanted, const std::string& text,
                       const absl::Status& why) {
  const std::string kind = KindOf(text);
  return Error(absl::StatusCode::kInvalidArgument, "WRONG_FILE",
               absl::StrCat(file, " is not what ", wanted, ": it seems to be ",
                            kind.empty() ? "something else" : kind, " (", why.message(), ")"));
}

absl::StatusOr<std::string> ReadProof(const std::string& file, absl::string_view wanted) {
  absl::StatusOr<std::string> text = ReadFile(file);
  if (text.ok() || ReasonOf(text.status()) != "NOT_A_FILE") return text;
  return Error(absl::StatusCode::kInvalidArgument, "WRONG_FILE",
               absl::StrCat(file, " is not what ", wanted, ", nor a file at all"));
}

absl::Status LoadReceipts(const std::string& file, audit::VerifyOptions* options) {
  constexpr char kWanted[] = "--receipt wants (the receipts' lines of an export)";
  ASSIGN_OR_RETURN(const std::string text, ReadProof(file, kWanted));
  // The lines of an export, so that `grep '"type":"receipt"'` makes such a file.
  size_t count = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    absl::StatusOr<audit::SignedReceipt> receipt = audit::ReadReceiptLine(line);
    if (!receipt.ok()) return WrongKind(file, kWanted, text, receipt.status());
    options->receipts.push_back(*std::move(receipt));
    ++count;
  }
  if (count > 0) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "WRONG_FILE",
               absl::StrCat(file, " holds no receipt"));
}

absl::Status LoadProofs(const VerifyArguments& arguments, audit::VerifyOptions* options) {
  if (!arguments.keys_file.empty()) {
    constexpr char kWanted[] = "--trusted-keys wants (what `dbfleet audit keys` prints)";
    ASSIGN_OR_RETURN(const std::string text, ReadProof(arguments.keys_file, kWanted));
    absl::StatusOr<audit::TrustedKeys> keys = audit::TrustedKeys::Parse(text);
    if (!keys.ok()) return WrongKind(arguments.keys_file, kWanted, text, keys.status());
    options->keys = *std::move(keys);
  }
  if (!arguments.ca_file.empty()) {
    constexpr char kWanted[] = "--agent-ca wants (what `dbfleet audit keys --agent-ca` prints)";
    ASSIGN_OR_RETURN(options->receipt_trust.ca_pem, ReadProof(arguments.ca_file, kWanted));
    const absl::Status good = audit::CheckAuthority(options->receipt_trust.ca_pem);
    if (!good.ok()) {
      return WrongKind(arguments.ca_file, kWanted, options->receipt_trust.ca_pem, good);
    }
  }
  for (const std::string& file : arguments.checkpoint_files) {
    constexpr char kWanted[] = "--checkpoint wants (what `dbfleet audit checkpoint` prints)";
    ASSIGN_OR_RETURN(std::string text, ReadProof(file, kWanted));
    const absl::Status good = audit::ParseCheckpoint(text).status();
    if (!good.ok()) return WrongKind(file, kWanted, text, good);
    options->checkpoints.push_back(std::move(text));
  }
  for (const std::string& file : arguments.receipt_files) {
    RETURN_IF_ERROR(LoadReceipts(file, options));
  }
  return absl::OkStatus();
}

// Whose signatures were not looked at for want of what makes them count, and how to come by that.
std::string Unchecked(const audit::VerifyReport& report, const VerifyArguments& arguments) {
  const uint64_t count = report.unsigned_evidence;
  const auto words = [count](absl::string_view one, absl::string_view option,
                             absl::string_view command) {
    return absl::StrCat(count, " ", one, count == 1 ? " agrees" : "s agree",
                        ", but whose signature that is was not checked; for that give ", option,
                        " FILE as well, with what `dbfleet audit ", command, "` prints");
  };
  if (!arguments.keys_file.empty()) return words("receipt", "--agent-ca", "keys --agent-ca");
  if (!arguments.ca_file.empty()) return words("checkpoint", "--trusted-keys", "keys");
  return absl::StrCat(count,
                      " checkpoints and receipts agree, but their signatures were not "
                      "checked; give --trusted-keys and --agent-ca (see: dbfleet audit "
                      "keys)");
}

// What the proofs show, for people.
void SayProofs(Shell& shell, const audit::VerifyReport& report, const VerifyArguments& arguments) {
  if (report.checkpoints + report.receipts > 0) {
    shell.out() << "Signed: " << report.checkpoints << " checkpoints, " << report.receipts
                << " receipts, log " << report.log_id << "\n";
  }
  if (report.unsigned_evidence > 0) {
    shell.Note(Unchecked(report, arguments));
  }
  const uint64_t tail = report.last_seq - std::min(report.covered_seq, report.last_seq);
  if (report.covered_seq > 0 && tail > 0) {
    shell.Note(absl::StrCat("The last ",
                            tail == 1 ? "record is" : absl::StrCat(tail, " records are"),
                            " not covered by a checkpoint"));
  }
  for (const std::string& note : report.notes) shell.Note(SanitizeForDisplay(note));
}

int Report(Shell& shell, const audit::VerifyReport& report, const VerifyArguments& arguments) {
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
    SayProofs(shell, report, arguments);
    return kExitOk;
  }
  if (report.bad_to > 0) {
    shell.out() << "BAD: records " << report.bad_from << " to " << report.bad_to << ": "
                << SanitizeForDisplay(report.problem) << "\n";
    return kExitFailed;
  }
  if (report.bad_line == 0) {  // In what was given apart.
    shell.out() << "BAD: " << SanitizeForDisplay(report.problem) << "\n";
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
    std::error_code error;
    if (std::filesystem::is_directory(arguments.file, error)) {
      return shell.Fail(Error(absl::StatusCode::kInvalidArgument, "WRONG_FILE",
                              absl::StrCat(arguments.file,
                                           " is a folder; audit verify wants the file that "
                                           "`dbfleet audit export` made")));
    }
    std::ifstream in(arguments.file, std::ios::binary);
    if (!in) return shell.Fail(ErrnoStatus(errno, absl::StrCat("open ", arguments.file)));
    report = audit::VerifyExport(in, options);
  }
  if (!report.ok()) return shell.Fail(report.status());
  return Report(shell, *report, arguments);
}

}  // namespace

void AddAuditVerify(CLI::App& noun, Shell& shell) {
  auto arguments = std::make_shared<VerifyArguments>();
  CLI::App* verify =
      AddVerb(noun, "verify", "Verify an export, offline; exit code 1 names the first bad record",
              shell, [&shell, arguments] { return Verify(shell, *arguments); });
  verify->add_option("FILE", arguments->file, "The export, or - for stdin")->required();
  CLI::Option* seq = verify
                         ->add_option("--trusted-seq", arguments->trusted_seq,
                                      "A record whose hash you have noted elsewhere ...")
                         ->check(WholeNumber(1));
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
}

}  // namespace dbfleet::cli
