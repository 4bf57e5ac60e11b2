"""The changed lines behind each variant: an idea switched off, or one that we do not have."""

from strategy.variants import Change, Variant

PRODUCT = Variant("product")

REQUESTS_PER_TURN = Change(
    "base/limits.hpp",
    "kRequestsPerTurn =\n    128;",
    "kRequestsPerTurn =\n    1;",
)
RELEASE_PER_REQUEST = Change(
    "asgi/application.cpp",
    "    pending_.pop_front();\n    ++started;\n",
    "    pending_.pop_front();\n    ++started;\n    { const py::GilRelease released; }\n",
)
# The GIL is given up and taken before each request of a batch.
GIL_PER_REQUEST = Variant("gil-per-request", (RELEASE_PER_REQUEST,))
# A turn starts one request: a poll, a hold of the GIL and a flush for each.
TURN_PER_REQUEST = Variant("turn-per-request", (REQUESTS_PER_TURN, RELEASE_PER_REQUEST))


def _copied_bodies(name: str, limit: str) -> Variant:
    change = Change(
        "base/limits.hpp", "kCopiedBodyBytes =\n    8192;", f"kCopiedBodyBytes =\n    {limit};"
    )
    return Variant(name, (change,))


NEVER_COPIED = _copied_bodies("never-copied", "0")
ALWAYS_COPIED = _copied_bodies("always-copied", "std::numeric_limits<std::ptrdiff_t>::max()")

HEADER_NAMES_MADE = Variant(
    "header-names-made",
    (Change("asgi/scope.cpp", "header_names_.find(field.name)", "bytes_of(field.name)"),),
)
SCOPE_FILLED = Variant(
    "scope-filled",
    (
        Change(
            "asgi/scope.cpp",
            "  py::PyRef made = py::PyRef::steal(PyDict_Copy(connection.scope()));\n"
            "  PyObject* scope = made.get();\n",
            """  py::PyRef made = py::PyRef::steal(PyDict_New());
  PyObject* scope = made.get();
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; scope && PyDict_Next(connection.scope(), &at, &key, &value);) {
    if (PyDict_SetItem(scope, key, value) < 0) return {};
  }
""",
        ),
    ),
)
AWAITABLE_MADE = Variant(
    "awaitable-made",
    (
        Change(
            "asgi/http_cycle.cpp",
            "  if (can_send()) return py::PyRef::borrow(state_.done.get());\n",
            "",
        ),
    ),
)
BUFFERS_FREED = Variant(
    "buffers-freed",
    (
        Change(
            "base/limits.hpp",
            "kIdleBufferBytes =\n    1024;",
            "kIdleBufferBytes =\n    0;",
        ),
    ),
)

_FREE_LIST = """
// Blocks of objects that have died. Only to measure: no interpreter and no module clears it.
std::array<void*, 256> free_blocks;
std::size_t free_count = 0;
"""
# RequestCycle objects from a list of freed ones.
CYCLE_POOL = Variant(
    "cycle-pool",
    (
        Change(
            "asgi/http_cycle_type.cpp",
            "struct CycleObject {",
            f"{_FREE_LIST}\nstruct CycleObject {{",
        ),
        Change(
            "asgi/http_cycle_type.cpp", "#include <new>\n", "#include <array>\n#include <new>\n"
        ),
        Change(
            "asgi/http_cycle_type.cpp",
            "  type->tp_free(self);\n",
            "  if (free_count < free_blocks.size()) free_blocks[free_count++] = self;\n"
            "  else type->tp_free(self);\n",
        ),
        Change(
            "asgi/http_cycle_type.cpp",
            "  auto* object = PyObject_GC_New(CycleObject, type);\n",
            "  auto* object = free_count > 0\n"
            "      ? reinterpret_cast<CycleObject*>(PyObject_Init(\n"
            "            static_cast<PyObject*>(free_blocks[--free_count]), type))\n"
            "      : PyObject_GC_New(CycleObject, type);\n",
        ),
    ),
)
# receive and send as objects of a type of our own, from a list of freed ones, in place of
# CPython's bound methods. They are unknown to the garbage collector, so they are cheaper than
# they could be in the product.
BOUND_POOL = Variant(
    "bound-pool",
    (
        Change(
            "asgi/application.cpp",
            "namespace fasterapi::asgi {\n",
            f"""#include <array>
#include <cstddef>

namespace fasterapi::asgi {{
namespace {{
{_FREE_LIST}
struct Bound {{
  PyObject_HEAD vectorcallfunc call;
  PyObject* cycle;
}};

PyObject* call_receive(PyObject* self, PyObject* const*, std::size_t, PyObject*) {{
  return cycle_of(reinterpret_cast<Bound*>(self)->cycle).receive().release();
}}

PyObject* call_send(PyObject* self, PyObject* const* arguments, std::size_t, PyObject*) {{
  return cycle_of(reinterpret_cast<Bound*>(self)->cycle).send(arguments[0]).release();
}}

void free_bound(PyObject* self) {{
  Py_DECREF(reinterpret_cast<Bound*>(self)->cycle);
  if (free_count < free_blocks.size()) {{
    free_blocks[free_count++] = self;
  }} else {{
    PyObject_Free(self);
  }}
}}

PyTypeObject* bound_type() {{
  static PyTypeObject type{{}};
  if (!type.tp_name) {{
    type.ob_base.ob_base.ob_refcnt = 1;
    type.tp_name = "Bound";
    type.tp_basicsize = sizeof(Bound);
    type.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL;
    type.tp_vectorcall_offset = offsetof(Bound, call);
    type.tp_call = PyVectorcall_Call;
    type.tp_dealloc = free_bound;
    PyType_Ready(&type);
  }}
  return &type;
}}

py::PyRef bind(PyObject* cycle, vectorcallfunc call) {{
  PyTypeObject* type = bound_type();
  void* block = free_count > 0 ? free_blocks[--free_count] : PyObject_Malloc(sizeof(Bound));
  auto* bound = reinterpret_cast<Bound*>(PyObject_Init(static_cast<PyObject*>(block), type));
  bound->call = call;
  bound->cycle = Py_NewRef(cycle);
  return py::PyRef::steal(reinterpret_cast<PyObject*>(bound));
}}

}}  // namespace
""",
        ),
        Change(
            "asgi/application.cpp",
            "py::PyRef::steal(PyObject_GetAttr(cycle.get(), state_.names.receive.get()))",
            "bind(cycle.get(), call_receive)",
        ),
        Change(
            "asgi/application.cpp",
            "py::PyRef::steal(PyObject_GetAttr(cycle.get(), state_.names.send.get()))",
            "bind(cycle.get(), call_send)",
        ),
    ),
)

VARIANTS = (
    PRODUCT,
    GIL_PER_REQUEST,
    TURN_PER_REQUEST,
    NEVER_COPIED,
    ALWAYS_COPIED,
    HEADER_NAMES_MADE,
    SCOPE_FILLED,
    AWAITABLE_MADE,
    BUFFERS_FREED,
    CYCLE_POOL,
    BOUND_POOL,
)
