// py/state.cpp: see state.hpp.
#include "py/state.hpp"

namespace fasterapi::py {

int State::traverse(visitproc visit, void* arg) const {
#define X(name) Py_VISIT(name.get());
  FASTERAPI_STATE_OBJECTS(X)
#undef X
  return 0;
}

void State::clear() noexcept {
  handle_types.reset();  // it frees memory of the types below
#define X(name) name.reset();
  FASTERAPI_STATE_OBJECTS(X)
#undef X
}

State* state_of_type(PyTypeObject* type) noexcept {
  PyObject* module = PyType_GetModuleByDef(type, &module_definition);
  return module ? &state_of(module) : nullptr;
}

}  // namespace fasterapi::py
