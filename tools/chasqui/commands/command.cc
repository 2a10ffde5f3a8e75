// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/commands/command.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "common/config/environment.h"
#include "tools/chasqui/client/files.h"

namespace chasqui::cli {
namespace {

std::optional<time::Duration> ParseDuration(const std::string& text) {
  absl::Duration duration;
  double seconds = 0;
  if (absl::SimpleAtod(text, &seconds)) {
    duration = absl::Seconds(seconds);
  } else if (!absl::ParseDuration(text, &duration)) {
    return std::nullopt;
  }
  if (duration <= absl::ZeroDuration() || duration > absl::Hours(24 * 365)) return std::nullopt;
  return absl::ToChronoNanoseconds(duration);
}

std::string CheckDuration(const std::string& text) {
  return ParseDuration(text) ? "" : "'" + text + "' is no duration such as 90s, 5m or 250ms";
}

void AddServerFlags(CLI::App& app, ConnectionOptions& options) {
  constexpr const char* kGroup = "Server";
  app.add_option("--server", options.server, "Where the suite, or one worker, is reached")
      ->envname("CHASQUI_SERVER")
      ->type_name("HOST:PORT")
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--api-key-file", options.api_key_file,
                 "File with the API key; CHASQUI_API_KEY holds the key itself")
      ->envname("CHASQUI_API_KEY_FILE")
      ->type_name("FILE")
      ->group(kGroup);
  AddDurationFlag(app, "--timeout", options.timeout, "Longest time a call may take")->group(kGroup);
  app.add_flag("--tls", options.tls.enabled, "Speak TLS and verify the certificate")->group(kGroup);
  app.add_option("--ca-file", options.tls.ca_file, "Authorities to trust, PEM; implies --tls")
      ->group(kGroup);
  app.add_option("--cert-file", options.tls.certificate_file,
                 "Own certificate chain, PEM; implies --tls")
      ->group(kGroup);
  app.add_option("--key-file", options.tls.key_file, "Key of --cert-file, PEM")
      ->needs("--cert-file")
      ->group(kGroup);
  app.add_option("--server-name", options.server_name, "Name expected in the certificate")
      ->group(kGroup);
}

}  // namespace

void AddJsonFlag(CLI::App& app, Choice& choice) {
  app.add_flag("--json", choice.json, "Print JSON, for programs");
}

CLI::Option* AddDurationFlag(CLI::App& app, const std::string& name, time::Duration& value,
                             const std::string& help) {
  return app
      .add_option_function<std::string>(
          name, [&value](const std::string& text) { value = *ParseDuration(text); }, help)
      ->check(CLI::Validator(CheckDuration, ""))
      ->type_name("DURATION")
      ->default_str(absl::FormatDuration(absl::FromChrono(value)));
}

std::shared_ptr<ConnectionOptions> SetClientAction(CLI::App& app, Choice& choice, ClientAction run,
                                                   time::Duration timeout) {
  const auto options = std::make_shared<ConnectionOptions>();
  options->timeout = timeout;
  AddJsonFlag(app, choice);
  AddServerFlags(app, *options);
  app.callback([&choice, options, run = std::move(run)] {
    rpc::ClientTls& tls = options->tls;
    tls.enabled = tls.enabled || !tls.ca_file.empty() || !tls.certificate_file.empty();
    options->api_key = config::EnvironmentVariable("CHASQUI_API_KEY").value_or("");
    choice.run = [options, run](Interrupts& interrupts) {
      if (!options->api_key_file.empty()) {
        absl::StatusOr<std::string> key = ReadFile(options->api_key_file);
        if (!key.ok()) return key.status();
        options->api_key = std::string(absl::StripAsciiWhitespace(*key));
      }
      const absl::StatusOr<Connection> connection = Connection::Open(*options, interrupts);
      return connection.ok() ? run(*connection) : connection.status();
    };
  });
  return options;
}

absl::StatusOr<std::string> TextOrInput(const std::vector<std::string>& words) {
  if (!words.empty()) return absl::StrJoin(words, " ");
  absl::StatusOr<std::string> text = ReadFile("-");
  // The line break that ends the last line is the shell's, not the text's.
  if (text.ok() && text->ends_with('\n')) text->pop_back();
  return text;
}

}  // namespace chasqui::cli
