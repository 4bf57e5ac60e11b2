// native/api.hpp: the table of functions that every request carries (fasterapi_native.h): the door
// through which plug-ins call us. Each is noexcept.
#pragma once

#include <fasterapi_native.h>

namespace fasterapi::native {

[[nodiscard]] const fa_api_v1& api() noexcept;

}  // namespace fasterapi::native
