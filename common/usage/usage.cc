#include "common/usage/usage.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/config/scalars.h"

namespace dbfleet {
namespace {

std::vector<const CLI::App*> Verbs(const CLI::App& app) {
  // Nameless ones are groups of options.
  return app.get_subcommands([](const CLI::App* sub) { return !sub->get_name().empty(); });
}

const CLI::App* FindVerb(const CLI::App& app, const std::string& word) {
  for (const CLI::App* verb : Verbs(app)) {
    if (verb->get_name() == word) return verb;
  }
  return nullptr;
}

// The paths that end in `word`: "change approve" for "approve".
void FindDeeper(const CLI::App& app, const std::string& path, const std::string& word,
                std::vector<std::string>* found) {
  for (const CLI::App* verb : Verbs(app)) {
    const std::string below = absl::StrCat(path, path.empty() ? "" : " ", verb->get_name());
    if (verb->get_name() == word) found->push_back(below);
    FindDeeper(*verb, below, word, found);
  }
}

struct Place {
  const CLI::App* app;
  std::string path;  // "job".

  std::string With(const std::string& word) const {
    return absl::StrCat(path, path.empty() ? "" : " ", word);
  }
};

std::string SeeHelp(const CLI::App& root, const Place& place) {
  return absl::StrCat("; see: ", root.get_name(), " ", place.With("--help"), "\n");
}

std::string UnknownCommand(const CLI::App& root, const Place& place, const std::string& word) {
  config::NearestName nearest(word);
  for (const CLI::App* verb : Verbs(*place.app)) nearest.Consider(verb->get_name());
  std::string hint = nearest.Hint();
  if (hint.empty()) {
    std::vector<std::string> deeper;
    FindDeeper(root, "", word, &deeper);
    if (!deeper.empty()) {
      hint = absl::StrCat(" (did you mean \"", absl::StrJoin(deeper, "\" or \""), "\"?)");
    }
  }
  return absl::StrCat(root.get_name(), ": unknown command \"", place.With(word), "\"", hint,
                      SeeHelp(root, place));
}

// An option may stand behind the verb that it belongs to, however deep.
const CLI::Option* FindOption(const std::vector<Place>& places, const std::string& name) {
  for (const Place& place : places) {
    if (const CLI::Option* option = place.app->get_option_no_throw(name)) return option;
  }
  return nullptr;
}

std::string UnknownOption(const CLI::App& root, const std::vector<Place>& places,
                          const std::string& name) {
  config::NearestName nearest(name);
  for (const Place& place : places) {
    for (const CLI::Option* option : place.app->get_options()) {
      for (const std::string& known : option->get_lnames()) nearest.Consider("--" + known);
    }
  }
  return absl::StrCat(root.get_name(), ": unknown option \"", name, "\"", nearest.Hint(),
                      SeeHelp(root, places.back()));
}

}  // namespace

std::string ExplainUsage(const CLI::App& root, const std::vector<std::string>& arguments) {
  std::vector<Place> places = {{&root, ""}};
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "--") return "";
    if (absl::StartsWith(word, "--")) {
      const std::string name = word.substr(0, word.find('='));
      const CLI::Option* option = FindOption(places, name);
      if (option == nullptr) return UnknownOption(root, places, name);
      if (name == word && option->get_items_expected_max() > 0) ++i;
    } else if (word.size() > 1 && word[0] == '-') {
      const CLI::Option* option = FindOption(places, word.substr(0, 2));
      const bool value_follows =
          option != nullptr && word.size() == 2 && option->get_items_expected_max() > 0;
      if (value_follows) ++i;
    } else {
      const Place place = places.back();
      if (Verbs(*place.app).empty()) continue;  // An argument.
      const CLI::App* verb = FindVerb(*place.app, word);
      if (verb == nullptr) return UnknownCommand(root, place, word);
      places.push_back({verb, place.With(word)});
    }
  }
  const auto verbs = Verbs(*places.back().app);
  if (verbs.empty()) return "";
  std::vector<std::string> names;
  for (const CLI::App* verb : verbs) names.push_back(verb->get_name());
  const std::string of =
      places.size() > 1 ? absl::StrCat("\"", places.back().path, "\" wants ") : "";
  return absl::StrCat(root.get_name(), ": ", of.empty() ? "a command is missing: " : of, "one of ",
                      absl::StrJoin(names, ", "), SeeHelp(root, places.back()));
}

}  // namespace dbfleet
