// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "tests/bench/worker/raw/raw_decoder.h"

namespace {

int Fail(const absl::Status& status) {
  std::cerr << "chasqui-bench-raw-decode: " << status.message() << "\n";
  return 1;
}

}  // namespace

// Reads bursts from standard input, one a line ("CONCURRENT PROMPT GENERATED"), and answers each
// with a line of JSON; the model stays loaded.
int main(int argc, char** argv) {
  chasqui::bench::RawDecoder::Options options;
  CLI::App app("Measures llama_decode alone", "chasqui-bench-raw-decode");
  app.add_option("--model", options.model, "A GGUF file")->required();
  app.add_option("--threads", options.threads, "Threads that compute")->check(CLI::PositiveNumber);
  app.add_option("--context", options.context_tokens, "Tokens of a sequence");
  CLI11_PARSE(app, argc, argv);

  auto decoder = chasqui::bench::RawDecoder::Load(options);
  if (!decoder.ok()) return Fail(decoder.status());
  std::cout << "ready" << std::endl;
  chasqui::bench::RawBurst burst;
  while (std::cin >> burst.concurrent >> burst.prompt_tokens >> burst.generated_tokens) {
    const auto rates = decoder->Run(burst);
    if (!rates.ok()) return Fail(rates.status());
    std::cout << nlohmann::json{{"decode_tokens_per_second", rates->decode_tokens_per_second},
                                {"total_tokens_per_second", rates->total_tokens_per_second},
                                {"cpu_us_per_token", rates->cpu_us_per_token}}
                     .dump()
              << std::endl;
  }
  return 0;
}
