#include "controller/resources/manifest.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/scalars.h"
#include "common/config/values.h"
#include "common/config/yaml.h"
#include "common/config/yaml_documents.h"
#include "common/config/yaml_tree.h"
#include "controller/resources/plain_environments.h"

namespace dbfleet::controller {
namespace {

constexpr size_t kMostName = 63;
constexpr size_t kMostDescription = 4000;  // Bytes.

bool IsName(absl::string_view name) {
  const auto fits = [](char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '.';
  };
  return !name.empty() && name.size() <= kMostName && absl::ascii_isalnum(name[0]) &&
         std::all_of(name.begin(), name.end(), fits);
}

// Where the document says what it is; null if it does not.
const config::YamlNode* Member(const config::YamlNode& root, absl::string_view name) {
  for (size_t i = 0; i < root.keys.size(); ++i) {
    if (root.keys[i].text == name) return &root.items[i];
  }
  return nullptr;
}

int FirstLine(const config::YamlDocument& document) {
  int line = document.lines_before + 1;
  for (const absl::string_view text : absl::StrSplit(document.text, '\n')) {
    const absl::string_view plain = absl::StripAsciiWhitespace(text);
    if (!plain.empty() && plain[0] != '#') return line;
    ++line;
  }
  return 1;
}

// The kind that the document names, with its place.
absl::StatusOr<const ResourceKind*> KindOf(const std::string& path,
                                           const config::YamlDocument& document,
                                           std::string* place) {
  std::vector<config::YamlProblem> problems;  // Which ParseYaml tells again, in full.
  const config::YamlNode root =
      config::ReadYamlTree(document.text, &problems, config::kMaxYamlNodes, document.lines_before);
  const config::YamlNode* kind = Member(root, "kind");
  const int line = kind == nullptr ? FirstLine(document) : kind->line;
  *place = absl::StrCat(path, ":", line);
  if (!problems.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ":", problems[0].line, ":",
                                                   problems[0].column, ": ", problems[0].message));
  }
  if (kind == nullptr || kind->kind != config::YamlNode::Kind::kScalar) {
    return absl::InvalidArgumentError(
        absl::StrCat(*place, ":1: kind is missing; one of ", KnownKinds(), " is wanted"));
  }
  for (const ResourceKind& known : ResourceKinds()) {
    if (known.kind == kind->text) return &known;
  }
  if (kind->text == "PolicyCases") {
    return absl::InvalidArgumentError(
        absl::StrCat(*place, ":", kind->column,
                     ": these are cases for policies, which are not applied; `dbfleet policy test ",
                     path, "` evaluates them, and `apply` of their folder passes them over"));
  }
  config::NearestName nearest(kind->text);
  for (const ResourceKind& known : ResourceKinds()) nearest.Consider(known.kind);
  return absl::InvalidArgumentError(absl::StrCat(*place, ":", kind->column, ": there is no kind ",
                                                 config::ShownValue(kind->text), nearest.Hint(),
                                                 "; one of ", KnownKinds(), " is wanted"));
}

absl::StatusOr<Manifest> ParseDocument(const std::string& path,
                                       const config::YamlDocument& document) {
  Manifest manifest;
  manifest.path = path;
  ASSIGN_OR_RETURN(manifest.kind, KindOf(path, document, &manifest.place));
  const std::shared_ptr<google::protobuf::Message> message(manifest.kind->prototype->New());
  bool rest_is_good = false;
  const absl::Status parsed = config::ParseYaml(path, document.text, message.get(), &rest_is_good,
                                                config::kMaxYamlNodes, document.lines_before);
  if (!rest_is_good) return parsed;
  config::Problems problems(path, document.text, document.lines_before);
  const auto* version = message->GetDescriptor()->FindFieldByName("apiVersion");
  if (message->GetReflection()->GetString(*message, version) != kApiVersion) {
    problems.Add("apiVersion", absl::StrCat(kApiVersion, " is wanted"));
  }
  manifest.name = MetadataOf(*message).name();
  if (!IsName(manifest.name)) {
    problems.Add("metadata.name",
                 absl::StrCat("small letters, digits, \"-\" and \".\" are wanted, a letter or "
                              "digit first, at most ",
                              kMostName, " characters, not ", config::ShownValue(manifest.name)));
  }
  if (const size_t size = MetadataOf(*message).description().size(); size > kMostDescription) {
    problems.Add("metadata.description",
                 absl::StrCat("at most ", kMostDescription, " bytes are wanted, not ", size));
  }
  NameEnvironmentsPlainly(message.get());
  manifest.kind->fill(message.get());
  manifest.kind->check(*message, &problems);
  RETURN_IF_ERROR(problems.Together(parsed));
  manifest.message = message;
  manifest.document = std::make_shared<const config::YamlDocument>(document);
  return manifest;
}

absl::Status TooMuch(absl::string_view what) {
  return Error(absl::StatusCode::kInvalidArgument, "TOO_MANY_MANIFESTS", what);
}

}  // namespace

std::string Manifest::id() const { return absl::StrCat(kind->collection, "/", name); }

FieldPlaces::FieldPlaces(const Manifest& manifest)
    : id_(manifest.id()),
      problems_(manifest.path, manifest.document->text, manifest.document->lines_before) {}

std::string FieldPlaces::At(absl::string_view field) const {
  return absl::StrCat(problems_.PlaceOf(field), id_, ": ", field, ": ");
}

absl::Status BadField(const Manifest& manifest, absl::string_view field, absl::string_view reason,
                      absl::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, reason,
               absl::StrCat(FieldPlaces(manifest).At(field), message));
}

absl::StatusOr<std::vector<Manifest>> ParseManifests(absl::Span<const ManifestText> texts) {
  if (texts.size() > kMostManifestTexts) {
    return TooMuch(
        absl::StrCat("at most ", kMostManifestTexts, " files at once, not ", texts.size()));
  }
  std::vector<Manifest> manifests;
  std::vector<std::string> problems;
  std::map<std::string, std::string> places;  // By id.
  size_t documents = 0;
  for (const ManifestText& text : texts) {
    const std::string path = SanitizeForDisplay(text.path);
    if (text.text.size() > kMostManifestBytes)
      return TooMuch(absl::StrCat(path, " is above 1 MiB"));
    if (std::count(text.text.begin(), text.text.end(), '\n') >
        static_cast<ptrdiff_t>(kMostManifestLines)) {
      return TooMuch(absl::StrCat(path, " has more than ", kMostManifestLines, " lines"));
    }
    const auto split = config::SplitYamlDocuments(text.text, kMostManifests + 1);
    if (text.version != 0 && split.size() != 1) {
      problems.push_back(absl::StrCat(path, ": an etag is for one resource, not ", split.size()));
    }
    if (text.create_only && (split.size() != 1 || text.version != 0)) {
      problems.push_back(absl::StrCat(
          path, ": `create_only` is for one resource, and for none that has an etag already"));
    }
    for (const config::YamlDocument& document : split) {
      if (++documents > kMostManifests) {
        return TooMuch(absl::StrCat("at most ", kMostManifests, " resources at once"));
      }
      absl::StatusOr<Manifest> manifest = ParseDocument(path, document);
      if (!manifest.ok()) {
        problems.emplace_back(manifest.status().message());
        continue;
      }
      const auto [former, first] = places.emplace(manifest->id(), manifest->place);
      if (!first) {
        problems.push_back(absl::StrCat(FieldPlaces(*manifest).At("metadata.name"),
                                        "it is declared already at ", former->second));
      }
      manifest->version = text.version;
      manifest->create_only = text.create_only;
      manifests.push_back(*std::move(manifest));
    }
  }
  if (problems.empty() && manifests.empty()) {
    problems.push_back("there is no resource in what was given");
  }
  if (problems.empty()) return manifests;
  return Error(absl::StatusCode::kInvalidArgument, "BAD_MANIFEST", absl::StrJoin(problems, "\n"));
}

absl::StatusOr<std::pair<const ResourceKind*, std::string>> ParseResourceId(absl::string_view id) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(id, absl::MaxSplits('/', 1));
  const ResourceKind* const kind = FindResourceKind(parts.first);
  if (kind != nullptr && IsName(parts.second)) {
    const absl::string_view name =
        kind->kind == kEnvironmentKind ? PlainEnvironment(parts.second) : parts.second;
    return std::pair<const ResourceKind*, std::string>(kind, std::string(name));
  }
  const std::string what =
      kind != nullptr
          ? "small letters, digits, \"-\" and \".\" make a name, a letter or digit first"
      : parts.second.empty() ? "KIND/NAME is wanted"
                             : absl::StrCat("there is no kind ", config::ShownValue(parts.first));
  return Error(absl::StatusCode::kInvalidArgument, "BAD_RESOURCE_NAME",
               absl::StrCat(config::ShownValue(id), " is no resource: ", what,
                            ", as in maintenancewindow/weekend; kinds: ", KnownKinds()));
}

}  // namespace dbfleet::controller
