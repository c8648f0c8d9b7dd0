#!/usr/bin/env python3
"""Times rung beside ONNX Runtime (and OpenVINO): same model, same input, in turns, in one run.

usage: peers.py RUN_LOOP FOLDER [--threads N] [--rounds N] [--openvino] [MODEL ...]
FOLDER holds one folder a model, with model.onnx and test_data_set_<k>. Prints per model and data set the shortest time
of each, and the ratio rung / ONNX Runtime (all optimizations). Needs Python packages onnx, onnxruntime (openvino).
"""
import argparse
import pathlib
import subprocess
import time

import onnx
import onnxruntime
from onnx import numpy_helper


class Rung:
    def __init__(self, loop, model, data, threads):
        self.process = subprocess.Popen([loop, model, data, str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()

    def best(self, runs):
        self.process.stdin.write(f"{runs}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline()) / 1e9


class Ort:
    def __init__(self, model, data, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.feed = {i.name: load(data / f"input_{k}.pb") for k, i in enumerate(self.session.get_inputs())}

    def best(self, runs):
        return shortest(lambda: self.session.run(None, self.feed), runs)


class OpenVino:
    def __init__(self, model, data, threads):
        import openvino
        compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"})
        self.request = compiled.create_infer_request()
        self.feed = [load(data / f"input_{k}.pb") for k in range(len(compiled.inputs))]

    def best(self, runs):
        return shortest(lambda: self.request.infer(self.feed), runs)


def load(path):
    tensor = onnx.TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return numpy_helper.to_array(tensor)


def shortest(call, runs):
    best = float("inf")
    for _ in range(runs):
        begin = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - begin)
    return best


def measure(arguments, folder, data):
    makers = {"rung": lambda: Rung(arguments.loop, str(folder / "model.onnx"), str(data), arguments.threads),
              "ort": lambda: Ort(str(folder / "model.onnx"), data, arguments.threads)}
    if arguments.openvino:
        makers["openvino"] = lambda: OpenVino(str(folder / "model.onnx"), data, arguments.threads)
    peers, best = {}, {}
    for name, make in makers.items():
        try:
            peers[name] = make()
            best[name] = peers[name].best(2)
        except Exception:  # a peer that cannot run the model is shown as such
            peers.pop(name, None)
    runs = max(1, min(200, int(0.15 / max(best.values()))))
    for _ in range(arguments.rounds):
        for name, peer in peers.items():
            best[name] = min(best[name], peer.best(runs))
    return best


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("loop")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--openvino", action="store_true")
    arguments = parser.parse_args()
    print(f"{'model':24} {'set':>3} {'rung ms':>10} {'ort ms':>10} {'rung/ort':>9}" + ("  openvino ms" if arguments.openvino else ""))
    for folder in sorted(f.parent for f in arguments.folder.glob("*/model.onnx")):
        if arguments.models and folder.name not in arguments.models:
            continue
        for data in sorted(folder.glob("test_data_set_*")):
            best = measure(arguments, folder, data)
            cell = lambda name: f"{best[name] * 1e3:10.3f}" if name in best else f"{'-':>10}"
            ratio = f"{best['rung'] / best['ort']:9.2f}" if {"rung", "ort"} <= best.keys() else f"{'-':>9}"
            print(f"{folder.name:24} {data.name[-1]:>3} {cell('rung')} {cell('ort')} {ratio}"
                  + (f"   {cell('openvino')}" if arguments.openvino else ""), flush=True)


main()
