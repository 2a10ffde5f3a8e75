// SPDX-License-Identifier: Apache-2.0
#include "common/concurrency/named_thread.h"

#include <utility>

#include <pthread.h>

namespace chasqui::concurrency {

NamedThread::NamedThread(std::string name, Body body)
    : thread_([name = name.substr(0, 15), body = std::move(body)](std::stop_token stop) mutable {
        pthread_setname_np(pthread_self(), name.c_str());
        body(std::move(stop));
      }) {}

}  // namespace chasqui::concurrency
