// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "chasqui/inference/v1/inference_service.grpc.pb.h"
#include "tools/chasqui/commands/command.h"
#include "tools/chasqui/output/json.h"

namespace chasqui::cli {
namespace {

using chasqui::inference::v1::DetokenizeRequest;
using chasqui::inference::v1::DetokenizeResponse;
using chasqui::inference::v1::InferenceService;
using chasqui::inference::v1::TokenizeRequest;
using chasqui::inference::v1::TokenizeResponse;

struct TokenizeFlags {
  std::vector<std::string> text;
  TokenizeRequest request;
  bool special = false;
  bool markers = false;
  bool pieces = false;
};

absl::Status Tokenize(TokenizeFlags& flags, bool json, const Connection& connection) {
  absl::StatusOr<std::string> text = TextOrInput(flags.text);
  if (!text.ok()) return text.status();
  flags.request.set_text(*std::move(text));
  flags.request.set_add_special(flags.special);
  flags.request.set_parse_special(flags.markers);
  flags.request.set_with_pieces(flags.pieces);
  TokenizeResponse response;
  const absl::Status status =
      connection.Call(&InferenceService::Stub::Tokenize, *connection.NewStub<InferenceService>(),
                      flags.request, &response);
  if (!status.ok()) return status;
  if (json) {
    std::cout << ToJson(response) << "\n";
  } else if (flags.pieces) {
    for (int i = 0; i < response.pieces_size() && i < response.token_ids_size(); ++i) {
      std::cout << response.token_ids(i) << "\t" << QuoteBytes(response.pieces(i)) << "\n";
    }
  } else {
    std::cout << absl::StrJoin(response.token_ids(), " ") << "\n";
  }
  return absl::OkStatus();
}

struct DetokenizeFlags {
  std::vector<std::string> ids;
  DetokenizeRequest request;
  bool special = false;
};

// Ids as this program prints them: apart by spaces or line breaks; commas are allowed too.
absl::Status AddIds(const std::string& text, DetokenizeRequest& request) {
  for (const absl::string_view word :
       absl::StrSplit(text, absl::ByAnyChar(" ,\n\t"), absl::SkipWhitespace())) {
    uint32_t id = 0;
    if (!absl::SimpleAtoi(word, &id)) {
      return absl::InvalidArgumentError(absl::StrCat(QuoteBytes(word), " is no token id"));
    }
    request.add_token_ids(id);
  }
  return absl::OkStatus();
}

absl::Status Detokenize(DetokenizeFlags& flags, bool json, const Connection& connection) {
  const absl::StatusOr<std::string> text = TextOrInput(flags.ids);
  if (!text.ok()) return text.status();
  if (const absl::Status ids = AddIds(*text, flags.request); !ids.ok()) return ids;
  flags.request.set_special(flags.special);
  DetokenizeResponse response;
  const absl::Status status =
      connection.Call(&InferenceService::Stub::Detokenize, *connection.NewStub<InferenceService>(),
                      flags.request, &response);
  if (status.ok()) std::cout << (json ? ToJson(response) : response.text()) << "\n";
  return status;
}

}  // namespace

void AddTokenize(CLI::App& app, Choice& choice) {
  CLI::App& sub = *app.add_subcommand("tokenize", "Show the tokens of a text");
  const auto flags = std::make_shared<TokenizeFlags>();
  sub.add_option("text", flags->text, "The text; default: standard input");
  sub.add_option("-m,--model", *flags->request.mutable_model(), "Whose tokens");
  sub.add_flag("--special", flags->special, "Add begin and end tokens as the model wants them");
  sub.add_flag("--markers", flags->markers, "Markers such as <|im_start|> become their tokens");
  sub.add_flag("--pieces", flags->pieces, "Show the bytes of each token");
  SetClientAction(
      sub, choice,
      [flags, &choice](const Connection& connection) {
        return Tokenize(*flags, choice.json, connection);
      },
      std::chrono::seconds(30));
}

void AddDetokenize(CLI::App& app, Choice& choice) {
  CLI::App& sub = *app.add_subcommand("detokenize", "Show the text of tokens");
  const auto flags = std::make_shared<DetokenizeFlags>();
  sub.add_option("ids", flags->ids, "The token ids; default: standard input");
  sub.add_option("-m,--model", *flags->request.mutable_model(), "Whose tokens");
  sub.add_flag("--special", flags->special, "Write control tokens out");
  SetClientAction(
      sub, choice,
      [flags, &choice](const Connection& connection) {
        return Detokenize(*flags, choice.json, connection);
      },
      std::chrono::seconds(30));
}

}  // namespace chasqui::cli
