// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "chasqui/inference/v1/inference_service.grpc.pb.h"
#include "tools/chasqui/client/files.h"
#include "tools/chasqui/commands/command.h"
#include "tools/chasqui/output/json.h"

namespace chasqui::cli {
namespace {

using chasqui::inference::v1::EmbedRequest;
using chasqui::inference::v1::EmbedResponse;
using chasqui::inference::v1::InferenceService;

const std::map<std::string, chasqui::inference::v1::Pooling>& Poolings() {
  static const auto& poolings = *new std::map<std::string, chasqui::inference::v1::Pooling>{
      {"mean", chasqui::inference::v1::POOLING_MEAN},
      {"cls", chasqui::inference::v1::POOLING_CLS},
      {"last", chasqui::inference::v1::POOLING_LAST}};
  return poolings;
}

struct Flags {
  std::vector<std::string> texts;
  EmbedRequest request;
  std::string pooling;
  bool raw = false;
  uint32_t dimensions = 0;
};

absl::Status Run(Flags& flags, bool json, const Connection& connection) {
  if (flags.texts.empty()) {
    const absl::StatusOr<std::string> input = ReadFile("-");
    if (!input.ok()) return input.status();
    flags.texts = absl::StrSplit(*input, '\n', absl::SkipEmpty());
  }
  for (const std::string& text : flags.texts) flags.request.add_inputs()->set_text(text);
  if (!flags.pooling.empty()) flags.request.set_pooling(Poolings().at(flags.pooling));
  if (flags.raw) flags.request.set_normalize(false);
  flags.request.set_dimensions(flags.dimensions);
  EmbedResponse response;
  const absl::Status status =
      connection.Call(&InferenceService::Stub::Embed, *connection.NewStub<InferenceService>(),
                      flags.request, &response);
  if (!status.ok()) return status;
  if (json) {
    std::cout << ToJson(response) << "\n";
    return status;
  }
  for (const auto& embedding : response.embeddings()) {
    std::cout << absl::StrJoin(embedding.values(), " ") << "\n";
  }
  return status;
}

}  // namespace

void AddEmbed(CLI::App& app, Choice& choice) {
  CLI::App& sub = *app.add_subcommand("embed", "Compute embeddings, a line for each text");
  const auto flags = std::make_shared<Flags>();
  sub.add_option("text", flags->texts, "The texts; default: the lines of standard input");
  sub.add_option("-m,--model", *flags->request.mutable_model(), "Which model");
  sub.add_option("--pooling", flags->pooling, "Default: the model's own")
      ->check(CLI::IsMember(Poolings()));
  sub.add_flag("--raw", flags->raw, "Do not scale the vectors to length 1");
  sub.add_option("--dimensions", flags->dimensions, "Only the first so many numbers");
  SetClientAction(
      sub, choice,
      [flags, &choice](const Connection& connection) {
        return Run(*flags, choice.json, connection);
      },
      std::chrono::minutes(2));
}

}  // namespace chasqui::cli
