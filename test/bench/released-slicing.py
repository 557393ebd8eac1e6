"""The released SliceGPT code's fusion and per-block slicing, run by bench.py of its folder, with what that does not tell: CPU
seconds of the same stretch, and sums of squares of the last block's tensors, by which both sides show that they agree.
usage: released-slicing.py RELEASED_FOLDER HF_FOLDER ROWS.json WIDTH THREADS. Prints one JSON object."""
import contextlib, io, json, os, runpy, sys, time
released, model, rows, width, threads = sys.argv[1:]
sys.path.insert(0, os.path.join(released, 'src'))
import torch
from slicegpt import layernorm_fusion
torch.set_num_threads(int(threads))
noted = {}
replace_layers = layernorm_fusion.replace_layers


def noting(adapter, **options):
    noted.update(adapter=adapter, cpu=time.process_time())
    replace_layers(adapter, **options)


layernorm_fusion.replace_layers = noting
sys.argv = [os.path.join(released, 'bench.py'), model, rows, width]
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    runpy.run_path(sys.argv[0], run_name='__main__')
cpu_seconds = time.process_time() - noted['cpu']
told = json.loads(printed.getvalue())
last = noted['adapter'].get_layers()[-1].layer
squares = [t.double().square().sum().item() for t in (last.attn_shortcut_Q, last.mlp_shortcut_Q, last.mlp.down_proj.weight)]
print(json.dumps(dict(seconds=told['seconds'], cpuSeconds=cpu_seconds, peakMemoryBytes=told['peakRssBytes'], parameters=told['parameters'], threads=told['threads'], result=squares)))
