"""librung.so through ctypes: models and tensors as serialized protobufs, arrays as numpy's."""
import ctypes

import numpy
import onnx
from onnx import numpy_helper

TENSOR, SEQUENCE, OPTIONAL = 1, 2, 4  # rung_kind

ROOM = ("room", ctypes.c_char * 1024)  # for fields of later versions, which the library's _init functions clear


class Type(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_int), ("dtype", ctypes.c_int), ("rank", ctypes.c_int32),
                ("dims", ctypes.c_int64 * 16), ("element", ctypes.c_void_p)]


class Slot(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("type", ctypes.POINTER(Type)), ("dimension_names", ctypes.c_char_p * 16)]


class EnvOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("log", ctypes.c_void_p), ("log_user", ctypes.c_void_p),
                ("log_level", ctypes.c_int), ("allocator", ctypes.c_void_p), ("threads", ctypes.c_uint32),
                ("cpu_features", ctypes.c_char_p), ("search_paths", ctypes.c_void_p), ROOM]


class SessionOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("chain", ctypes.c_char_p),
                ("provider_options", ctypes.c_void_p), ("provider_option_count", ctypes.c_size_t),
                ("threads", ctypes.c_uint32), ("dimensions", ctypes.c_void_p), ("dimension_count", ctypes.c_size_t),
                ("shapes", ctypes.c_void_p), ("shape_count", ctypes.c_size_t), ("passes_off", ctypes.c_char_p),
                ("has_seed", ctypes.c_int), ("seed", ctypes.c_uint64), ("max_nodes", ctypes.c_uint64),
                ("max_loop_trips", ctypes.c_uint64), ("max_bytes", ctypes.c_uint64), ("plan_only", ctypes.c_int),
                ("inspect_only", ctypes.c_int), ("progress", ctypes.c_void_p), ("progress_user", ctypes.c_void_p), ROOM]


class RunOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("deadline_ns", ctypes.c_uint64), ("cancel", ctypes.c_void_p),
                ("profile", ctypes.c_int), ROOM]


class Error(Exception):
    """A status: its code's name and its message."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


class Library:
    def __init__(self, path, threads=1, cpu_features=None):
        self.lib = ctypes.CDLL(str(path))
        for name in ("rung_status_message", "rung_code_name", "rung_version"):
            getattr(self.lib, name).restype = ctypes.c_char_p
        self.lib.rung_value_item.restype = ctypes.c_void_p
        for name in ("rung_session_input_count", "rung_session_output_count", "rung_value_item_count"):
            getattr(self.lib, name).restype = ctypes.c_size_t
        options = EnvOptions()
        self.lib.rung_env_options_init(ctypes.byref(options))
        options.threads = threads
        options.cpu_features = cpu_features.encode() if cpu_features else None
        self.env = ctypes.c_void_p()
        self.call("rung_env_create", ctypes.byref(options), ctypes.byref(self.env))

    def call(self, name, *arguments):
        function = getattr(self.lib, name)
        function.restype = ctypes.c_void_p
        status = function(*arguments)
        if status:
            code = self.lib.rung_code_name(self.lib.rung_status_code(ctypes.c_void_p(status))).decode()
            message = self.lib.rung_status_message(ctypes.c_void_p(status)).decode(errors="replace")
            self.lib.rung_status_free(ctypes.c_void_p(status))
            raise Error(code, message)

    def text(self, name, *arguments):
        """What a function returns through its last argument, a char **."""
        out = ctypes.c_char_p()
        self.call(name, *arguments, ctypes.byref(out))
        text = out.value
        self.lib.rung_text_free(out)
        return text.decode()

    def session(self, model_bytes, **options):
        return Session(self, model_bytes, options)

    def value(self, array_or_bytes, value_type=None):
        data = array_or_bytes
        if not isinstance(data, bytes):
            data = numpy_helper.from_array(data).SerializeToString()
        value = ctypes.c_void_p()
        self.call("rung_value_parse", self.env, data, ctypes.c_size_t(len(data)), value_type, ctypes.byref(value))
        return value

    def array(self, value):
        """A tensor as an array, a sequence or an optional as a list."""
        kind = self.lib.rung_value_kind(value)
        if kind != TENSOR:
            items = self.lib.rung_value_item_count(value)
            return [self.array(ctypes.c_void_p(self.lib.rung_value_item(value, ctypes.c_size_t(i)))) for i in range(items)]
        data, size = ctypes.c_void_p(), ctypes.c_size_t()
        self.call("rung_value_serialize", value, b"", ctypes.byref(data), ctypes.byref(size))
        tensor = onnx.TensorProto.FromString(ctypes.string_at(data, size.value))
        self.lib.rung_text_free(data)
        return numpy_helper.to_array(tensor)

    def run(self, model_bytes, feeds, **options):
        session = self.session(model_bytes, **options)
        try:
            return session.run(feeds)
        finally:
            session.close()


class Session:
    def __init__(self, library, model_bytes, options):
        self.library, lib = library, library.lib
        self.model, self.handle = ctypes.c_void_p(), ctypes.c_void_p()
        self.bytes = model_bytes  # the model reads from them
        library.call("rung_model_load_memory", library.env, model_bytes, ctypes.c_size_t(len(model_bytes)), None,
                     ctypes.byref(self.model))
        made = SessionOptions()
        lib.rung_session_options_init(ctypes.byref(made))
        for key, setting in options.items():
            setattr(made, key, setting.encode() if isinstance(setting, str) else setting)
        try:
            library.call("rung_session_create", library.env, self.model, ctypes.byref(made), ctypes.byref(self.handle))
        except Error:
            lib.rung_model_destroy(ctypes.byref(self.model))
            raise

    def slots(self, what):
        count = getattr(self.library.lib, f"rung_session_{what}_count")(self.handle)
        for i in range(count):
            slot = Slot()
            self.library.call(f"rung_session_{what}", self.handle, ctypes.c_size_t(i), ctypes.byref(slot))
            yield slot

    def run(self, feeds, deadline_ns=0):
        """Outputs in order, for a dictionary of arrays by input name."""
        library, lib = self.library, self.library.lib
        names = [slot.name.decode() for slot in self.slots("input")]
        inputs = (ctypes.c_void_p * max(1, len(names)))()
        count = lib.rung_session_output_count(self.handle)
        outputs = (ctypes.c_void_p * max(1, count))()
        options = RunOptions()
        lib.rung_run_options_init(ctypes.byref(options))
        options.deadline_ns = deadline_ns
        try:
            for i, name in enumerate(names):
                inputs[i] = library.value(feeds[name]).value
            library.call("rung_session_run", self.handle, ctypes.byref(options), inputs, ctypes.c_size_t(len(names)), outputs,
                         ctypes.c_size_t(count))
            return [library.array(ctypes.c_void_p(outputs[i])) for i in range(count)]
        finally:
            for value in [*inputs, *outputs]:
                if value:
                    lib.rung_value_release(ctypes.c_void_p(value))

    def close(self):
        self.library.lib.rung_session_destroy(ctypes.byref(self.handle))
        self.library.lib.rung_model_destroy(ctypes.byref(self.model))
