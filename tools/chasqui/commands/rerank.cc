// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "chasqui/inference/v1/inference_service.grpc.pb.h"
#include "tools/chasqui/client/files.h"
#include "tools/chasqui/commands/command.h"
#include "tools/chasqui/output/json.h"

namespace chasqui::cli {
namespace {

using chasqui::inference::v1::InferenceService;
using chasqui::inference::v1::RerankRequest;
using chasqui::inference::v1::RerankResponse;

struct Flags {
  std::string query;
  std::vector<std::string> documents;
  std::string model;
  uint32_t top_n = 0;
};

absl::Status Run(const Flags& flags, bool json, const Connection& connection) {
  std::vector<std::string> documents = flags.documents;
  if (documents.empty()) {
    const absl::StatusOr<std::string> input = ReadFile("-");
    if (!input.ok()) return input.status();
    documents = absl::StrSplit(*input, '\n', absl::SkipEmpty());
  }
  RerankRequest request;
  request.set_model(flags.model);
  request.set_query(flags.query);
  request.set_top_n(flags.top_n);
  for (const std::string& document : documents) request.add_documents(document);
  RerankResponse response;
  const absl::Status status = connection.Call(
      &InferenceService::Stub::Rerank, *connection.NewStub<InferenceService>(), request, &response);
  if (!status.ok()) return status;
  if (json) {
    std::cout << ToJson(response) << "\n";
    return status;
  }
  for (const auto& ranked : response.results()) {
    if (ranked.index() >= documents.size())
      return absl::InternalError("the server ranked a document that it was not given");
    std::cout << absl::StrFormat("%.6g\t%d\t%s\n", ranked.score(), ranked.index(),
                                 documents[ranked.index()]);
  }
  return status;
}

}  // namespace

void AddRerank(CLI::App& app, Choice& choice) {
  CLI::App& sub = *app.add_subcommand(
      "rerank", "Rank documents by how well they answer a query: score, number, text, best first");
  const auto flags = std::make_shared<Flags>();
  sub.add_option("query", flags->query, "The query")->required();
  sub.add_option("document", flags->documents,
                 "The documents; default: the lines of standard input");
  sub.add_option("-m,--model", flags->model, "Which model");
  sub.add_option("--top", flags->top_n, "Only the best so many");
  SetClientAction(
      sub, choice,
      [flags, &choice](const Connection& connection) {
        return Run(*flags, choice.json, connection);
      },
      std::chrono::minutes(2));
}

}  // namespace chasqui::cli
