// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <curl/curl.h>

#include "tests/bench/worker/load/stream_client.h"

namespace chasqui::bench {

// Streams by llama-server's POST /completion, each over a connection of its own.
class HttpStreamClient final : public StreamClient {
 public:
  // `target`: "host:port". Does not connect yet.
  // `cache_prompt`: whether the server may use what it has computed for other requests.
  HttpStreamClient(const std::string& target, bool cache_prompt);
  ~HttpStreamClient() override;

  void Start(const StreamRequest& request, StreamObserver& observer) override;
  void Run() override;

 private:
  class Call;

  void BeginWaiting();
  void EndDone();

  const std::string url_;
  const bool cache_prompt_;
  CURLM* const multi_;
  curl_slist* const headers_;
  std::map<Call*, std::unique_ptr<Call>> calls_;  // streams that have not ended
  // Of these, those that libcurl does not know yet: it takes none while it calls an observer.
  std::vector<Call*> waiting_;
};

}  // namespace chasqui::bench
