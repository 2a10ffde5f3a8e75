// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "tools/chasqui/commands/command.h"

namespace chasqui::cli {
namespace {

void AddOptions(const CLI::App& app, std::string& words) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) absl::StrAppend(&words, "--", name, " ");
  }
}

// One `case` for each subcommand, keyed by the words that lead to it.
void AddCases(const CLI::App& app, const std::string& path, std::string& cases) {
  std::string words;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (sub->get_name().empty()) {  // an option group
      AddOptions(*sub, words);
      continue;
    }
    absl::StrAppend(&words, sub->get_name(), " ");
    AddCases(*sub, absl::StrCat(path, " ", sub->get_name()), cases);
  }
  AddOptions(app, words);
  absl::StrAppend(&cases, "    '", path, "') words='", words, "' ;;\n");
}

constexpr const char* kBashTail = R"(  esac
  # shellcheck disable=SC2207  # none of the words has a space
  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
  [ ${#COMPREPLY[@]} -gt 0 ] || compopt -o default
}
complete -F _chasqui chasqui
)";

constexpr const char* kBashHead = R"(_chasqui() {
  local path=chasqui words='' word
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in -*) ;; *) case " $path" in *' '*' '*' '*) ;; *) path="$path $word" ;; esac ;; esac
  done
  case $path in
)";

}  // namespace

void AddCompletion(CLI::App& app, Choice& choice) {
  CLI::App& sub = *app.add_subcommand(
      "completion", "Print a completion script: source <(chasqui completion bash)");
  sub.add_option("shell", "For which shell")->required()->check(CLI::IsMember({"bash"}));
  sub.callback([&app, &choice] {
    choice.run = [&app](Interrupts&) {
      std::string cases;
      AddCases(app, "chasqui", cases);
      std::cout << kBashHead << cases << kBashTail;
      return absl::OkStatus();
    };
  });
}

}  // namespace chasqui::cli
