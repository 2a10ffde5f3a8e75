// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "services/router/auth/api_key.h"
#include "services/router/auth/key_table.h"
#include "tools/chasqui/client/files.h"
#include "tools/chasqui/commands/command.h"

namespace chasqui::cli {
namespace {

// What stands in the file of keys beside id and hash.
struct KeyOptions {
  std::string tenant;
  std::vector<std::string> roles;
  std::string expire_time;
};

nlohmann::ordered_json EntryOf(std::string_view id, std::string_view key,
                               const KeyOptions& options) {
  nlohmann::ordered_json entry = {
      {"id", id},
      {"hashed_api_key", router::FormatKeyHash(router::HashApiKey(key))},
      {"tenant", options.tenant}};
  if (!options.roles.empty()) entry["roles"] = options.roles;
  if (!options.expire_time.empty()) entry["expire_time"] = options.expire_time;
  return entry;
}

// As an element of `keys:`. JSON's texts are YAML's, too.
std::string EntryText(const nlohmann::ordered_json& entry) {
  std::string text;
  for (const auto& [name, value] : entry.items()) {
    absl::StrAppend(&text, text.empty() ? "  - " : "    ", name, ": ", value.dump(), "\n");
  }
  return text;
}

absl::Status New(bool json, const KeyOptions& options) {
  const router::NewApiKey made = router::MakeApiKey();
  const nlohmann::ordered_json entry = EntryOf(made.id, made.key, options);
  if (json) {
    std::cout << nlohmann::ordered_json{{"key", made.key}, {"entry", entry}}.dump() << "\n";
    return absl::OkStatus();
  }
  std::cout << made.key << "\n";
  std::cout.flush();
  std::cerr << "# The key is shown this once. Its entry below `keys:` in the router's "
               "auth.keys_file:\n"
            << EntryText(entry);
  return absl::OkStatus();
}

absl::Status Hash(bool json, const KeyOptions& options) {
  const absl::StatusOr<std::string> text = ReadFile("-");
  if (!text.ok()) return text.status();
  const std::string_view key = absl::StripAsciiWhitespace(*text);
  const std::optional<std::string_view> id = router::ApiKeyId(key);
  if (!id.has_value()) {
    return absl::InvalidArgumentError(
        "standard input is no key of the suite: \"chasqui_\", 12 digits, \"_\" and 64 digits");
  }
  const nlohmann::ordered_json entry = EntryOf(*id, key, options);
  std::cout << (json ? entry.dump() + "\n" : EntryText(entry));
  return absl::OkStatus();
}

std::string CheckTenant(const std::string& name) {
  if (router::IsTenantName(name)) return "";
  return "a tenant is 1 to 256 printable characters without braces, quotes and \\";
}

std::string CheckTime(const std::string& text) {
  absl::Time time;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) return "";
  return "'" + text + "' is no time such as 2027-01-31T00:00:00Z";
}

std::shared_ptr<KeyOptions> AddKeyOptions(CLI::App& app) {
  auto options = std::make_shared<KeyOptions>();
  app.add_option("--tenant", options->tenant, "Whom it belongs to")
      ->required()
      ->check(CLI::Validator(CheckTenant, ""));
  app.add_option("--role", options->roles,
                 "What it may do: client, operator, worker; may be repeated (client when left out)")
      ->check(CLI::IsMember({"client", "operator", "worker"}));
  app.add_option("--expires", options->expire_time, "When it ends; never when left out")
      ->type_name("TIME")
      ->check(CLI::Validator(CheckTime, ""));
  return options;
}

}  // namespace

void AddKeys(CLI::App& app, Choice& choice) {
  CLI::App& keys = *app.add_subcommand("keys", "Make API keys for a router's file of keys")
                        ->require_subcommand(1);

  CLI::App& make = *keys.add_subcommand(
      "new", "Print a new key, and on standard error its entry, which holds only its hash");
  AddJsonFlag(make, choice);
  make.callback([&choice, options = AddKeyOptions(make)] {
    choice.run = [&choice, options](Interrupts&) { return New(choice.json, *options); };
  });

  CLI::App& hash = *keys.add_subcommand("hash", "Print the entry of a key on standard input");
  AddJsonFlag(hash, choice);
  hash.callback([&choice, options = AddKeyOptions(hash)] {
    choice.run = [&choice, options](Interrupts&) { return Hash(choice.json, *options); };
  });
}

}  // namespace chasqui::cli
