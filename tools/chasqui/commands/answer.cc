// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/commands/answer.h"

#include <memory>
#include <string>

#include "chasqui/inference/v1/inference_service.grpc.pb.h"

namespace chasqui::cli {

using chasqui::inference::v1::InferenceService;
using chasqui::inference::v1::StreamGenerateResponse;

absl::Status StreamAnswer(const Connection& connection,
                          const chasqui::inference::v1::GenerateRequest& request,
                          AnswerPrinter& printer) {
  const auto stub = connection.NewStub<InferenceService>();
  const auto context = connection.NewContext();
  const auto reader = stub->StreamGenerate(context.get(), request);
  return printer.End(connection.Drain<StreamGenerateResponse>(
      *context, *reader,
      [&printer](const StreamGenerateResponse& event) { return printer.Print(event); }));
}

void AddMessage(chasqui::inference::v1::Role role, std::string_view text,
                chasqui::inference::v1::ChatInput& chat) {
  chasqui::inference::v1::ChatMessage& message = *chat.add_messages();
  message.set_role(role);
  message.add_parts()->set_text(std::string(text));
}

}  // namespace chasqui::cli
