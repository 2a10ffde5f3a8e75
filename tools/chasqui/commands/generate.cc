// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "chasqui/inference/v1/inference_service.grpc.pb.h"
#include "tools/chasqui/client/files.h"
#include "tools/chasqui/commands/answer.h"
#include "tools/chasqui/commands/command.h"
#include "tools/chasqui/commands/generate_flags.h"
#include "tools/chasqui/output/json.h"

namespace chasqui::cli {
namespace {

using chasqui::inference::v1::Completion;
using chasqui::inference::v1::GenerateRequest;
using chasqui::inference::v1::GenerateResponse;
using chasqui::inference::v1::InferenceService;

struct Flags {
  GenerateFlags generate;
  std::vector<std::string> prompt;
  std::string prompt_file;
  bool chat = false;
  std::string system;
  uint32_t n = 0;
  bool unary = false;
};

absl::Status SetInput(const Flags& flags, GenerateRequest& request) {
  const bool from_request =
      request.input_case() != GenerateRequest::INPUT_NOT_SET;  // --request-file had one
  if (from_request && flags.prompt.empty() && flags.prompt_file.empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> text =
      flags.prompt_file.empty() ? TextOrInput(flags.prompt) : ReadFile(flags.prompt_file);
  if (!text.ok()) return text.status();
  if (!flags.chat && flags.system.empty()) {
    request.set_prompt(*text);
    return absl::OkStatus();
  }
  if (!flags.system.empty()) {
    AddMessage(chasqui::inference::v1::ROLE_SYSTEM, flags.system, *request.mutable_chat());
  }
  AddMessage(chasqui::inference::v1::ROLE_USER, *text, *request.mutable_chat());
  return absl::OkStatus();
}

void Print(const GenerateResponse& response, bool timings) {
  for (const Completion& completion : response.completions()) {
    if (response.completions_size() > 1) std::cout << "--- " << completion.index() << "\n";
    std::cout << completion.text() << (completion.text().ends_with('\n') ? "" : "\n");
    const std::string remark = EndText(completion.finish_reason());
    if (!remark.empty()) std::cerr << "[" << remark << "]\n";
  }
  if (timings) std::cerr << TimingsText(response.usage(), response.timings()) << "\n";
}

absl::Status Run(const Flags& flags, bool json, const Connection& connection) {
  absl::StatusOr<GenerateRequest> request = flags.generate.Build();
  if (!request.ok()) return request.status();
  if (flags.n != 0) request->set_n(flags.n);
  if (const absl::Status input = SetInput(flags, *request); !input.ok()) return input;

  // Several answers come interleaved; as text they can only be shown when they are complete.
  if (!flags.unary && (json || request->n() <= 1)) {
    AnswerPrinter printer(std::cout, std::cerr,
                          {.json = json, .timings = request->include_timings()});
    return StreamAnswer(connection, *request, printer);
  }
  GenerateResponse response;
  const absl::Status status =
      connection.Call(&InferenceService::Stub::Generate, *connection.NewStub<InferenceService>(),
                      *request, &response);
  if (!status.ok()) return status;
  if (json) {
    std::cout << ToJson(response) << "\n";
  } else {
    Print(response, request->include_timings());
  }
  return absl::OkStatus();
}

}  // namespace

void AddGenerate(CLI::App& app, Choice& choice) {
  CLI::App& sub = *app.add_subcommand("generate", "Continue a prompt and stream the answer");
  const auto flags = std::make_shared<Flags>();
  sub.add_option("prompt", flags->prompt, "The prompt; default: standard input");
  sub.add_option("-f,--file", flags->prompt_file, "Read the prompt from a file")
      ->type_name("FILE")
      ->excludes("prompt");
  sub.add_flag("--chat", flags->chat, "The prompt is a user's message, not text to continue");
  sub.add_option("--system", flags->system, "Instructions before it; implies --chat");
  sub.add_option("-n", flags->n, "How many answers");
  sub.add_flag("--unary", flags->unary, "Ask for the whole answer at once instead of a stream");
  flags->generate.AddTo(sub);
  SetClientAction(
      sub, choice,
      [flags, &choice](const Connection& connection) {
        return Run(*flags, choice.json, connection);
      },
      std::chrono::minutes(10));
}

}  // namespace chasqui::cli
