// SPDX-License-Identifier: Apache-2.0
// Included before everything else in builds with CHASQUI_SANITIZE=thread. Protobuf's map fields
// have two more virtual functions there, of which the system's library, which is not built so,
// knows nothing: it would call others in their place.
#pragma once

#include <memory>

#pragma push_macro("__SANITIZE_THREAD__")
#undef __SANITIZE_THREAD__
#include <google/protobuf/map_field.h>
#pragma pop_macro("__SANITIZE_THREAD__")
