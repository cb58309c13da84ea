#include "agent/actions/migrate/model.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "agent/actions/migrate/mirror.h"
#include "agent/actions/migrate/select.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/migration/migration_set.h"
#include "common/sql/report/redact.h"
#include "common/sql/script_reader.h"

namespace dbfleet::agent {
namespace {

using work::v1::MigrateSpec;
using work::v1::Migration;

absl::Status Bad(absl::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_MIGRATION", message);
}

work::v1::Severity ToProto(sql::Severity severity) {
  switch (severity) {
    case sql::Severity::kInfo:
      return work::v1::SEVERITY_INFO;
    case sql::Severity::kWarning:
      return work::v1::SEVERITY_WARNING;
    case sql::Severity::kError:
      return work::v1::SEVERITY_ERROR;
  }
  return work::v1::SEVERITY_ERROR;
}

absl::string_view WithoutLeadingZeros(absl::string_view version) {
  while (version.size() > 1 && version.front() == '0') version.remove_prefix(1);
  return version;
}

// What a settlement needs to know about a statement.
void Describe(const ModelInput& input, PlannedStatement* planned) {
  const bool postgres = input.dialect == sql::Dialect::kPostgres;
  planned->deed = DeedOf(input.dialect, planned->text, input.database);
  const Deed& deed = planned->deed;
  const std::vector<std::string> words = Words(input.dialect, planned->text);
  const std::string head = words.empty() ? "" : words[0];
  const bool leaves_nothing = planned->effect == Effect::kNone ||
                              planned->verdict.safety == sql::Safety::kSafe ||
                              (postgres && head == "SET");
  planned->neutral = leaves_nothing && !deed.temporary;
  planned->tells = planned->effect == Effect::kSchema || planned->effect == Effect::kPartial;
  if (postgres && planned->effect == Effect::kAtomic && !deed.temporary && !deed.acts.empty()) {
    // What is not conditional fails rather than do nothing; ALTER does not.
    planned->tells = head == "ALTER" || ((head == "CREATE" || head == "DROP") && deed.conditional);
  }
  // Undoing a DROP removes nothing.
  planned->unproven = deed.conditional && head != "DROP" &&
                      !(planned->tells && deed.acts.size() == 1 && !deed.replaces);
}

// One part of a migration as statements.
absl::StatusOr<std::vector<PlannedStatement>> ReadPart(const ModelInput& input,
                                                       const work::v1::ContentRef& ref,
                                                       const std::string& path,
                                                       const std::string& version, bool lint) {
  absl::StatusOr<std::string> content = input.content(ref);
  if (!content.ok()) return Annotate(content.status(), path);
  const sql::Target target = sql::ServerTarget(input.dialect, input.server_version);
  const auto cut = sql::Split(target, *content);
  if (!cut.ok()) return Annotate(cut.status(), path);
  std::vector<PlannedStatement> result;
  sql::ScriptReader reader(target);
  std::vector<sql::Hidden> hidden;  // Of each statement.
  for (const sql::Statement& statement : *cut) {
    PlannedStatement planned;
    planned.version = version;
    planned.text = statement.text;
    planned.sha256 = Sha256Hex(statement.text);
    planned.file = path;
    planned.line = statement.line;
    planned.verdict = reader.Read(statement).verdict;
    sql::Redacted redacted = sql::Redact(target, statement.text);
    hidden.push_back(redacted.hidden);
    planned.shown =
        MayHoldCredentials(input.dialect, statement.text) ? redacted.text : statement.text;
    for (std::string& reason : planned.verdict.reasons) reason = hidden.back().Say(reason);
    if (statement.has_data() || statement.client_command) {
      return Annotate(Error(absl::StatusCode::kInvalidArgument, "FORBIDDEN_STATEMENT",
                            statement.client_command
                                ? "commands of psql are not for migrations; remove it"
                                : "rows behind COPY ... FROM STDIN are not sent by migrations; "
                                  "write INSERT"),
                      planned.Where());
    }
    const absl::Status allowed =
        CheckAllowed(input.dialect, statement.text, planned.verdict, input.database);
    if (!allowed.ok()) return Annotate(allowed, planned.Where());
    planned.effect =
        EffectOf(input.dialect, statement.text, planned.verdict, input.database, input.atomic_data);
    Describe(input, &planned);
    result.push_back(std::move(planned));
  }
  if (result.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "EMPTY_MIGRATION",
                 absl::StrCat(path, ": holds no statement"));
  }
  if (!lint) return result;
  for (sql::Finding finding : sql::Lint(target, *cut)) {
    if (finding.statement < 0 || finding.statement >= static_cast<int>(result.size())) continue;
    PlannedStatement& planned = result[finding.statement];
    work::v1::Finding& out = planned.findings.emplace_back();
    out.set_rule_id(finding.rule_id);
    out.set_severity(ToProto(finding.severity));
    hidden[static_cast<size_t>(finding.statement)].SayFinding(&finding);
    out.set_message(finding.message);
    out.set_advice(finding.advice);
    out.set_file(path);
    out.set_line(planned.line);
  }
  return result;
}

bool AllTransactional(const std::vector<PlannedStatement>& statements) {
  return std::all_of(statements.begin(), statements.end(),
                     [](const PlannedStatement& s) { return s.verdict.transactional; });
}

absl::StatusOr<VersionUnit> BuildUnit(const ModelInput& input, const SelectedVersion& selected) {
  const Migration& migration = *selected.migration;
  const bool up = input.spec->direction() == work::v1::MIGRATE_DIRECTION_UP;
  VersionUnit unit;
  unit.after.version = selected.row != nullptr ? selected.row->version : migration.version();
  unit.after.name = migration.name();
  unit.after.checksum = migration::Checksum(migration);
  unit.before = unit.after;
  unit.after.state = std::string(up ? kApplied : kRolledBack);
  unit.before.state = std::string(up ? kRolledBack : kApplied);

  ASSIGN_OR_RETURN(std::vector<PlannedStatement> up_part,
                   ReadPart(input, migration.up(), migration.up_path(), unit.version(), up));
  std::vector<PlannedStatement> down_part;
  if (migration.has_down()) {
    const std::string& path =
        migration.down_path().empty() ? migration.up_path() : migration.down_path();
    ASSIGN_OR_RETURN(down_part, ReadPart(input, migration.down(), path, unit.version(), !up));
  } else {
    unit.irreversible_reason = migration.irreversible_reason();
  }
  unit.forward = up ? std::move(up_part) : std::move(down_part);
  unit.backward = up ? std::move(down_part) : std::move(up_part);
  unit.forward_atomic = input.transactional_ddl && AllTransactional(unit.forward);
  unit.backward_atomic = input.transactional_ddl && AllTransactional(unit.backward);
  unit.mirrored = IsMirrored(PairUndo(unit.forward, unit.backward));
  return unit;
}

void AddMirrorWarnings(const VersionUnit& unit, MigrationModel* model) {
  const auto deeds = std::count_if(unit.forward.begin(), unit.forward.end(),
                                   [](const PlannedStatement& s) { return !s.neutral; });
  if (!unit.forward_atomic && !unit.mirrored && deeds > 1) {
    model->warnings.push_back(absl::StrCat(
        "version ", unit.version(), ": its ", unit.backward.size(),
        " rollback statements do not mirror its ", unit.forward.size(),
        " statements one by one, so that after a failure half-way it may have to be taken back by "
        "hand; for each statement write one that undoes it, with the same object's name"));
  }
  for (const PlannedStatement& statement : unit.forward) {
    if (!statement.unproven) continue;
    model->warnings.push_back(absl::StrCat(
        statement.Where(),
        ": this succeeds whether or not what it makes was there before, so once it has run, "
        "version ",
        unit.version(),
        " is not taken back automatically after a failure; leave out IF NOT EXISTS, OR REPLACE, "
        "IGNORE or ON CONFLICT, or put it into a statement of its own"));
  }
}

// A person settles them: neither the files nor the history say what of them is there.
void AddUnsettled(const ModelInput& input, MigrationModel* model) {
  for (const std::string& version : input.spec->unsettled_versions()) {
    const bool moves = std::any_of(
        model->units.begin(), model->units.end(),
        [&](const VersionUnit& unit) { return CompareVersions(unit.version(), version) == 0; });
    if (!moves) model->unsettled.push_back(version);
  }
  if (model->unsettled.empty()) return;
  model->warnings.push_back(absl::StrCat(
      "the change that this takes back left version ", absl::StrJoin(model->unsettled, ", "),
      " half-way, and the history says only that it is ",
      model->direction == work::v1::MIGRATE_DIRECTION_UP ? "still applied" : "not applied",
      ": this cannot take it back, and fails on such a target; compare, and repair it by hand"));
}

void AddWarnings(const ModelInput& input, MigrationModel* model) {
  const std::vector<std::string> missing = AppliedWithoutFile(*input.spec, input.history);
  if (!missing.empty() && model->direction == work::v1::MIGRATE_DIRECTION_UP) {
    model->warnings.push_back(absl::StrCat("applied here, but without a file in this set: version ",
                                           absl::StrJoin(missing, ", ")));
  }
  if (input.dialect == sql::Dialect::kMySql && input.spec->has_statement_timeout()) {
    model->warnings.push_back(
        "MySQL bounds only SELECT statements in time; statement_timeout will not stop others");
  }
  for (const VersionUnit& unit : model->units) {
    if (!unit.irreversible_reason.empty()) {
      model->irreversible.push_back(absl::StrCat("version ", unit.version(), " (", unit.after.name,
                                                 "): ", unit.irreversible_reason));
    } else {
      AddMirrorWarnings(unit, model);
    }
    if (unit.forward_atomic) continue;
    for (const PlannedStatement& statement : unit.forward) {
      if (statement.effect != Effect::kOpaque) continue;
      model->warnings.push_back(
          absl::StrCat(statement.Where(),
                       ": if the connection is lost while this statement runs, nobody can "
                       "tell whether it took effect, and a person must decide"));
    }
  }
  if (model->direction == work::v1::MIGRATE_DIRECTION_DOWN && !model->units.empty()) {
    model->warnings.push_back("rows that this removes do not come back when it is undone");
  }
}

void NumberSteps(MigrationModel* model) {
  int index = 0;
  for (VersionUnit& unit : model->units) {
    for (PlannedStatement& statement : unit.forward) statement.index = index++;
  }
  index = 0;
  for (auto unit = model->units.rbegin(); unit != model->units.rend(); ++unit) {
    for (PlannedStatement& statement : unit->backward) statement.index = index++;
  }
}

absl::Status ValidateVersions(const MigrateSpec& spec) {
  const Migration* former = nullptr;
  for (const Migration& migration : spec.migrations()) {
    const std::string& version = migration.version();
    if (version.empty() || version.size() > 20 ||
        !std::all_of(version.begin(), version.end(), absl::ascii_isdigit)) {
      return Bad(absl::StrCat("\"", version, "\" is no version: 1 to 20 digits are"));
    }
    if (former != nullptr && CompareVersions(former->version(), version) >= 0) {
      return Bad(absl::StrCat("versions must ascend and differ, but ", version, " follows ",
                              former->version()));
    }
    if (!migration.has_up()) return Bad(absl::StrCat("version ", version, " has no up part"));
    if (!migration.has_down() && migration.irreversible_reason().empty()) {
      return Bad(absl::StrCat("version ", version, " (", migration.up_path(),
                              ") has no down part; write one, or declare it irreversible"));
    }
    former = &migration;
  }
  std::set<std::string> named;
  for (const std::string& version : spec.versions()) {
    if (!named.insert(std::string(WithoutLeadingZeros(version))).second) {
      return Bad(absl::StrCat("version ", version, " is named twice"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string PlannedStatement::Where() const { return absl::StrCat(file, ":", line); }

int CompareVersions(absl::string_view a, absl::string_view b) {
  a = WithoutLeadingZeros(a);
  b = WithoutLeadingZeros(b);
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

std::vector<HistoryRow> HistoryBefore(std::vector<HistoryRow> history, absl::string_view attempt,
                                      work::v1::MigrateDirection direction) {
  const bool up = direction == work::v1::MIGRATE_DIRECTION_UP;
  for (HistoryRow& row : history) {
    if (row.attempt == attempt) row.state = std::string(up ? kRolledBack : kApplied);
  }
  return history;
}

absl::Status ValidateSpec(const MigrateSpec& spec) {
  if (spec.direction() != work::v1::MIGRATE_DIRECTION_UP &&
      spec.direction() != work::v1::MIGRATE_DIRECTION_DOWN) {
    return Bad("the direction is missing; say UP or DOWN");
  }
  if (spec.database_kind() == work::v1::DATABASE_KIND_CLIENT && spec.account_id().empty()) {
    return Bad("a client database needs its account id");
  }
  if (spec.direction() == work::v1::MIGRATE_DIRECTION_DOWN && spec.versions().empty()) {
    return Bad("DOWN needs the versions to take out");
  }
  return ValidateVersions(spec);
}

absl::StatusOr<MigrationModel> BuildModel(const ModelInput& input) {
  MigrationModel model;
  model.direction = input.spec->direction();
  ASSIGN_OR_RETURN(const std::vector<SelectedVersion> selected,
                   SelectVersions(*input.spec, input.history));
  for (const SelectedVersion& version : selected) {
    ASSIGN_OR_RETURN(VersionUnit unit, BuildUnit(input, version));
    model.units.push_back(std::move(unit));
  }
  NumberSteps(&model);
  AddUnsettled(input, &model);
  AddWarnings(input, &model);
  return model;
}

}  // namespace dbfleet::agent
