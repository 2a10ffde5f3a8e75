// SPDX-License-Identifier: Apache-2.0
#include "tools/mock-worker/mock_model.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/mock-worker/text.h"

namespace chasqui::mock_worker {

inference::v1::Model DescribeModel(std::string_view name, uint32_t slots) {
  const uint64_t hash = PromptHash(name);
  inference::v1::Model model;
  model.set_name(std::string(name));
  model.set_fingerprint(absl::StrFormat("%016x%016x", hash, ~hash));
  model.set_state(inference::v1::MODEL_STATE_READY);
  model.set_architecture("mock");
  model.set_quantization("none");
  model.set_train_context_tokens(1 << 20);
  model.set_context_tokens(1 << 20);
  model.set_vocabulary_size(kVocabulary);
  model.set_slots(slots);
  model.set_workers(1);
  return model;
}

std::string InputText(const inference::v1::GenerateRequest& request) {
  switch (request.input_case()) {
    case inference::v1::GenerateRequest::kPrompt:
      return request.prompt();
    case inference::v1::GenerateRequest::kTokens:
      return absl::StrJoin(request.tokens().ids(), " ");
    case inference::v1::GenerateRequest::kChat: {
      std::string text;
      if (request.chat().messages().empty()) return text;
      for (const auto& part : request.chat().messages().rbegin()->parts()) {
        absl::StrAppend(&text, part.text());
      }
      return text;
    }
    case inference::v1::GenerateRequest::INPUT_NOT_SET:
      break;
  }
  return "";
}

}  // namespace chasqui::mock_worker
