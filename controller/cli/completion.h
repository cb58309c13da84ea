#pragma once

#include <map>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"

// Completion scripts. They hold the commands and options as they were when the script was made, and
// ask `dbfleet ... -o name` for the names of resources, within two seconds and silently.
namespace dbfleet::cli {

// Where a value's candidates come from.
struct Source {
  enum class Kind { kNothing, kWords, kNames, kFiles };
  Kind kind = Kind::kNothing;
  std::string text;  // The words, or the command that lists the names.
};

// One level of the command line: what was typed so far, and what may follow.
struct Level {
  struct Verb {
    std::string name;
    std::string description;
  };
  std::string path;  // "", "job", "job list".
  std::vector<Verb> verbs;
  std::vector<std::string> options;  // "--follow".
  Source argument;                   // Of its first argument.
};

struct CompletionTree {
  std::vector<Level> levels;
  std::map<std::string, Source> value_options;  // "--environment" and "-e"; flags are not here.
};

CompletionTree BuildCompletionTree(const CLI::App& root);

// zsh runs the same script.
std::string BashCompletion(const CompletionTree& tree);
std::string FishCompletion(const CompletionTree& tree);

}  // namespace dbfleet::cli
